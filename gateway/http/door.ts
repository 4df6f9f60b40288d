import type { WireFault } from '../../policies/facts.ts'
import type { Authorize, Decision } from '../../policies/ports.ts'
import { readingOf, type Reason } from '../../policies/reasons.ts'
import type { Recorder } from '../record.ts'
import type { System } from '../system.ts'
import type { ClientConnection } from './connection.ts'
import type { Entry } from './entry.ts'
import type { Exchanger, HttpRequest } from './exchanger.ts'
import type { Own } from './own.ts'
import { renderProblem } from './problem.ts'

/** One request under our roof, from its arrival to its answer. */
export type Visit = {
  readonly exchanger: Exchanger
  readonly connection: ClientConnection
  readonly entry: Entry
  /** `System.elapsed` when its head had been read. */
  readonly arrivedAt: number
}

/** Lets a permitted request through to its upstream; `refuse` answers if that comes to nothing. */
export type Admit = (visit: Visit, decision: Decision, refuse: (reason: Reason) => void) => void

export type DoorDeps = {
  readonly readEntry: (
    request: HttpRequest,
    connection: ClientConnection,
    fault?: WireFault,
  ) => Entry
  readonly authorize: Authorize
  readonly admit: Admit
  readonly own: Own
  readonly system: System
  /** Records what went wrong after a permit; answers the id under which it is found. */
  readonly recordFailure: Recorder['recordFailure']
  readonly logFailure: (error: unknown, id: string | undefined) => void
  /** No 401 is answered sooner than this after its arrival, in ms, so that time tells nothing. */
  readonly floorMs: number
  readonly answered: (status: number) => void
  readonly newId: () => string
}

/** Takes a request: reads it, asks once, and has it admitted or answers with the reason. */
export type Door = {
  readonly enter: (exchanger: Exchanger, connection: ClientConnection, request: HttpRequest) => void
  /** For what came and was no request. */
  readonly refuseFault: (
    exchanger: Exchanger,
    connection: ClientConnection,
    fault: WireFault,
  ) => void
}

type Refusal = { readonly id: string; readonly reason: Reason; readonly retryAt?: number }

const mayWait: ReadonlySet<Reason> = new Set(['source-over-budget', 'overloaded', 'unavailable'])

const noRequest: HttpRequest = {
  method: '',
  target: '',
  minor: 1,
  fields: [],
  head: {
    host: [],
    authorization: [],
    forwardedFor: [],
    length: 0,
    chunked: false,
    upgrade: false,
    continues: false,
    close: true,
    lines: '',
    malformed: true,
  },
}

export const createDoor = (deps: DoorDeps): Door => {
  const { system, floorMs } = deps

  const answer = ({ exchanger, entry }: Visit, { id, reason, retryAt = 0 }: Refusal): void => {
    if (exchanger.isGone() || exchanger.isBegun()) return
    const seconds = Math.max(1, Math.ceil((retryAt - system.now()) / 1_000))
    const { head, body } = renderProblem(reason, id, mayWait.has(reason) ? seconds : undefined)
    deps.answered(head.status)
    exchanger.respond(head, entry.attempt.fault !== undefined)
    exchanger.end(entry.request.method === 'HEAD' ? '' : body)
  }

  const refuse = (visit: Visit, refusal: Refusal): void => {
    const wait = visit.arrivedAt + floorMs - system.elapsed()
    if (readingOf(refusal.reason).http === 401 && wait > 0) setTimeout(answer, wait, visit, refusal)
    else answer(visit, refusal)
  }

  const crash = (visit: Visit, error: unknown): void => {
    const id = deps.newId()
    deps.logFailure(error, id)
    if (visit.exchanger.isBegun()) visit.exchanger.destroy()
    else answer(visit, { id, reason: 'internal' })
  }

  const act = (visit: Visit, decision: Decision): void => {
    try {
      if (decision.effect !== 'permit') refuse(visit, decision)
      else
        deps.admit(visit, decision, (reason) => {
          const id = deps.recordFailure(visit.entry.attempt, decision.user, reason)
          answer(visit, { id, reason })
        })
    } catch (error) {
      crash(visit, error)
    }
  }

  const ask = (exchanger: Exchanger, connection: ClientConnection, entry: Entry): void => {
    const visit = { exchanger, connection, entry, arrivedAt: system.elapsed() }
    const decision = deps.authorize(entry.attempt)
    if (decision instanceof Promise) void decision.then(act.bind(undefined, visit))
    else act(visit, decision)
  }

  return {
    enter: (exchanger, connection, request) => {
      const entry = deps.readEntry(request, connection)
      const { target, attempt } = entry
      const ours = attempt.fault === undefined && target ? deps.own(target.path) : undefined
      if (ours === undefined || target === undefined) ask(exchanger, connection, entry)
      else ours(exchanger, request, target)
    },
    refuseFault: (exchanger, connection, fault) => {
      ask(exchanger, connection, deps.readEntry(noRequest, connection, fault))
    },
  }
}
