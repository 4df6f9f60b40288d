import type { LiveObjectRow } from '../db/live-objects.ts'
import type { Verdict } from '../policies/decision.ts'
import type { Reason } from '../policies/reasons.ts'
import type { Resident } from './directory.ts'

/** What is told of a live object: the id is that of the decision that permitted it. */
export type LiveView = {
  readonly id: string
  readonly kind: 'http' | 'upgrade' | 'bind'
  /** The client address. */
  readonly source: string | undefined
  /** Ms since the epoch. */
  readonly since: number
}

/** Something of a user's that goes on after its decision: an exchange, a tunnel, a bind. */
export type LiveObject = LiveView & {
  readonly userId: string
  readonly accountId: string
  /** What was asked for, without a query. */
  readonly target: string | undefined
  /** What the rules would say now; the user is undefined when there is no such user any more. */
  readonly judge: (now: Resident | undefined) => Verdict | Promise<Verdict>
  /** Ends it, for that reason. */
  readonly end: (reason: Reason) => void
}

/** All live objects of this process, by user. */
export type Live = {
  readonly add: (object: LiveObject) => void
  readonly delete: (object: LiveObject) => void
  readonly users: () => Iterable<string>
  readonly size: (kind?: LiveObject['kind']) => number
  /** Judges a user's objects anew and ends those that are no longer permitted; the others go on. */
  readonly review: (userId: string, now: Resident | undefined) => void
  readonly has: (userId: string) => boolean
  /** What a user has open in this process, the oldest first. */
  readonly of: (userId: string) => readonly LiveView[]
  /** All that is open for longer than a moment, of whomever, as the other nodes are told of it. */
  readonly lasting: (now: number) => Iterable<LiveObjectRow>
  readonly endOf: (userId: string, reason: Reason) => void
  /** Ends one, if it is open here. */
  readonly end: (id: string, reason: Reason) => void
  /** Ends everything, or everything of a kind, as at a shutdown. */
  readonly endAll: (reason: Reason, kind?: LiveObject['kind']) => void
}

/** An exchange that is over sooner is told to nobody: there may be thousands of them a second. */
const MOMENT_MS = 3_000

const settle = (object: LiveObject, verdict: Verdict): void => {
  if (verdict.effect !== 'permit') object.end(verdict.reason)
}

export const createLive = (): Live => {
  const byUser = new Map<string, Set<LiveObject>>()
  const all = function* (): Generator<LiveObject> {
    for (const objects of byUser.values()) yield* objects
  }
  return {
    add: (object) => {
      const objects = byUser.get(object.userId)
      if (objects === undefined) byUser.set(object.userId, new Set([object]))
      else objects.add(object)
    },
    delete: (object) => {
      const objects = byUser.get(object.userId)
      if (objects?.delete(object) === true && objects.size === 0) byUser.delete(object.userId)
    },
    users: () => byUser.keys(),
    size: (kind) => {
      let count = 0
      for (const object of all()) if (kind === undefined || object.kind === kind) count += 1
      return count
    },
    review: (userId, now) => {
      for (const object of [...(byUser.get(userId) ?? [])]) {
        const verdict = object.judge(now)
        if (!(verdict instanceof Promise)) settle(object, verdict)
        else
          verdict.then(settle.bind(undefined, object), () => {
            object.end('unavailable')
          })
      }
    },
    has: (userId) => byUser.has(userId),
    of: (userId) =>
      Array.from(byUser.get(userId) ?? [], ({ id, kind, source, since }) => {
        return { id, kind, source, since }
      }),
    lasting: function* (now) {
      for (const object of all())
        if (object.kind !== 'http' || object.since <= now - MOMENT_MS) yield object
    },
    end: (id, reason) => {
      for (const object of [...all()]) if (object.id === id) object.end(reason)
    },
    endOf: (userId, reason) => {
      for (const object of [...(byUser.get(userId) ?? [])]) object.end(reason)
    },
    endAll: (reason, kind) => {
      for (const object of [...all()])
        if (kind === undefined || object.kind === kind) object.end(reason)
    },
  }
}
