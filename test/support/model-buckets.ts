import assert from 'node:assert/strict'
import { rememberMs } from '../../policies/bucket.ts'
import { leaseMs } from '../../policies/guess.ts'
import { defaultLockoutRules } from '../../policies/lockout.ts'
import { bothNodes, type Node, type Seen } from './model-seen.ts'

const { limit, windowMs, lockMs, maxLockMs } = defaultLockoutRules

/** By so much a slow machine may be late: within it of an end either is right. */
const slackMs = 10_000

/** Who remembers it: Redis, and the nodes that have seen it and live. */
type Held = { readonly nodes: Set<Node>; inRedis: boolean }

type Bucket = {
  /** The distinct wrong secrets that were compared in the window. */
  readonly guesses: Map<string, Held>
  windowEndsAt: number
  /** Redis was away from a node in this window. */
  wasAlone: boolean
  /** What counts here is more than the model knows: less may be permitted, never more. */
  isVague: boolean
  locks: (Held & { readonly until: number })[]
  /** How many there were without a success. */
  locked: number
  /** A node may not have heard yet that there was a success since. */
  mayBeLonger: boolean
  failedAt: number
  /** A node told Redis again of another's attempts in flight: their places are held for so long. */
  heldUntil: number
}

/** What is promised about the guesses at one user, bucket by bucket. */
export type ModelBuckets = {
  readonly isUp: (node: Node) => boolean
  readonly mayBeLocked: (bucket: string, seen: Seen) => boolean
  /** It must be refused; `isAsked`: the node asked all that it can ask. */
  readonly isLocked: (bucket: string, at: { node: Node; seen: Seen; isAsked: boolean }) => boolean
  readonly mayBeKnownWrong: (bucket: string, secret: string) => boolean
  readonly guess: (bucket: string, node: Node, secret: string, seen: Seen) => void
  readonly lock: (bucket: string, node: Node, until: number, seen: Seen) => void
  readonly succeed: (bucket: string, node: Node) => void
  /** Nothing is missing that must have come of guesses in that bucket. */
  readonly check: (bucket: string, seen: Seen) => void
  readonly unlock: () => void
  readonly hear: (node: Node) => void
  readonly forget: (node: Node) => void
  readonly lose: (nodes: readonly Node[], isEmptied: boolean) => void
  readonly regain: () => void
  /** Nodes had no answer though they might have: just now they decided as if Redis were lost. */
  readonly falter: (nodes: readonly Node[]) => void
  readonly pass: (now: number) => void
}

export const createModelBuckets = (): ModelBuckets => {
  const buckets = new Map<string, Bucket>()
  const up = new Set<Node>(bothNodes)
  let isFaltering = false
  const areAllUp = (): boolean => up.size === bothNodes.length

  const find = (name: string): Bucket => {
    const present = buckets.get(name)
    if (present !== undefined) return present
    const made: Bucket = {
      ...{ guesses: new Map(), windowEndsAt: 0, wasAlone: isFaltering, isVague: isFaltering },
      ...{ locks: [], locked: 0, mayBeLonger: false, failedAt: 0, heldUntil: 0 },
    }
    buckets.set(name, made)
    return made
  }
  const all = (): Held[] =>
    [...buckets.values()].flatMap(({ guesses, locks }) => [...guesses.values(), ...locks])
  /** What neither Redis nor a node can know any more is no broken promise of either. */
  const dropForgotten = (): void => {
    for (const bucket of buckets.values())
      for (const [secret, { nodes, inRedis }] of bucket.guesses) {
        if (nodes.size > 0 || (inRedis && areAllUp())) continue
        bucket.guesses.delete(secret)
        bucket.isVague = true
      }
  }
  const openWindow = (bucket: Bucket, { before, after }: Seen): void => {
    const { windowEndsAt } = bucket
    if (windowEndsAt > after + slackMs) return
    if (windowEndsAt > before - slackMs) bucket.isVague = true
    bucket.guesses.clear()
    bucket.windowEndsAt = after + windowMs
    bucket.wasAlone = isFaltering || !areAllUp()
  }

  return {
    isUp: (node) => up.has(node),
    mayBeLocked: (name, { before }) => {
      const { isVague, locks, heldUntil } = find(name)
      return isVague || heldUntil > before || locks.some(({ until }) => until > before - slackMs)
    },
    isLocked: (name, { node, seen, isAsked }) =>
      find(name).locks.some(
        ({ until, nodes, inRedis }) =>
          until > seen.after + slackMs && (nodes.has(node) || (isAsked && inRedis && up.has(node))),
      ),
    mayBeKnownWrong: (name, secret) => {
      const { isVague, guesses } = find(name)
      return isVague || guesses.has(secret)
    },
    guess: (name, node, secret, seen) => {
      const bucket = find(name)
      openWindow(bucket, seen)
      const { guesses } = bucket
      if (!up.has(node)) bucket.isVague = true
      assert.ok(bucket.isVague || !guesses.has(secret), `${name}: the same secret is tried again`)
      const nodes = new Set([...(guesses.get(secret)?.nodes ?? []), node])
      guesses.set(secret, { nodes, inRedis: up.has(node) })
      bucket.failedAt = seen.after
      const most = limit + (bucket.wasAlone ? bothNodes.length : 0)
      assert.ok(guesses.size <= most, `${name}: guess ${guesses.size}, where ${most} are promised`)
    },
    lock: (name, node, until, { after }) => {
      const bucket = find(name)
      if (!bucket.isVague) {
        assert.equal(bucket.guesses.size, limit, `${name}: locked at another number of guesses`)
        const expected = after + Math.min(lockMs * 2 ** bucket.locked, maxLockMs)
        assert.ok(until > expected - slackMs, `${name}: locked for too short a time`)
        const isTooLong = until > expected + slackMs && !bucket.mayBeLonger
        assert.ok(!isTooLong, `${name}: locked for too long a time`)
      }
      bucket.locks.push({ until, nodes: new Set([node]), inRedis: up.has(node) })
      bucket.locked++
    },
    succeed: (name, node) => {
      const bucket = find(name)
      bucket.guesses.clear()
      bucket.mayBeLonger ||= bucket.locked > 0
      bucket.locked = 0
      bucket.isVague = !areAllUp() || bucket.locks.length > 0
      if (!up.has(node)) bucket.isVague = true
    },
    check: (name, { after }) => {
      const { isVague, guesses, locks } = find(name)
      const isLocked = locks.some(({ until }) => until > after)
      assert.ok(isVague || isLocked || guesses.size < limit, `${name}: not locked`)
    },
    unlock: () => {
      for (const bucket of buckets.values()) {
        bucket.guesses.clear()
        Object.assign(bucket, {
          ...{ locks: [], locked: 0, mayBeLonger: false },
          ...{ windowEndsAt: 0, isVague: !areAllUp() },
        })
      }
    },
    hear: (node) => {
      for (const { locks } of buckets.values()) for (const { nodes } of locks) nodes.add(node)
    },
    forget: (node) => {
      for (const { nodes } of all()) nodes.delete(node)
      dropForgotten()
    },
    lose: (nodes, isEmptied) => {
      for (const node of nodes) up.delete(node)
      for (const bucket of buckets.values()) {
        bucket.wasAlone = true
        if (!isEmptied) continue
        bucket.isVague = true
        bucket.heldUntil = bucket.failedAt + leaseMs + slackMs
      }
      if (isEmptied) for (const it of all()) it.inRedis = false
      dropForgotten()
    },
    falter: (nodes) => {
      isFaltering = nodes.some((node) => up.has(node))
      if (!isFaltering) return
      for (const bucket of buckets.values())
        Object.assign(bucket, { wasAlone: true, isVague: true })
    },
    regain: () => {
      for (const node of bothNodes) up.add(node)
      for (const it of all()) if (it.nodes.size > 0) it.inRedis = true
    },
    pass: (now) => {
      for (const [name, bucket] of buckets) {
        bucket.locks = bucket.locks.filter(({ until }) => until > now - slackMs)
        if (bucket.locks.length === 0 && bucket.failedAt + rememberMs < now) buckets.delete(name)
      }
    },
  }
}
