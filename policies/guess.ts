import {
  emptyBucket,
  isLocked,
  settle,
  withNewest,
  type BucketState,
  type Holding,
} from './bucket.ts'
import type { Channel } from './facts.ts'
import type { LockoutRules } from './lockout.ts'

/** Long enough for a full hashing queue, short enough that a crash is soon forgotten. */
export const leaseMs = 30_000

/** Attempts with one and the same secret share a place, up to this many holders in all. */
const maxHolders = 64

export type Attempted = { readonly holder: string; readonly fingerprint: string }

/** For the admin who looks at a lock: where a failure came in and from which address. */
export type Origin = { readonly channel: Channel; readonly source: string }

export type Reservation =
  /** Verify now, then `fail`, `giveBack` or `succeed`. */
  | { readonly outcome: 'reserved' }
  | { readonly outcome: 'locked'; readonly until: number }
  /** Counted in this window already: refuse without a hash and without a second count. */
  | { readonly outcome: 'known-wrong' }
  /** What may be tried in this window is being tried; the right secret is refused too. */
  | { readonly outcome: 'busy' }

type Step<T> = T & { readonly state: BucketState }

const without = (pending: readonly Holding[], holder: string): readonly Holding[] =>
  pending.filter((holding) => holding.holder !== holder)

/** Places taken by attempts in flight whose secrets are not counted yet. */
const placesOf = ({ distinct, pending }: BucketState): number =>
  new Set(pending.map(({ fingerprint }) => fingerprint).filter((it) => !distinct.includes(it))).size

/** At least one attempt may always run, so that a lowered limit locks visibly and never silently. */
const isFull = (state: BucketState, rules: LockoutRules): boolean => {
  const places = placesOf(state)
  return (
    state.distinct.length + places >= rules.limit ||
    (places > 0 && state.consecutive + places >= rules.consecutiveLimit)
  )
}

/** Takes a place before a secret is verified; at most `rules.limit` distinct ones in a window. */
export const reserve = (
  before: BucketState,
  { holder, fingerprint }: Attempted,
  now: number,
  rules: LockoutRules,
): Step<Reservation> => {
  if (isLocked(before, now)) return { state: before, outcome: 'locked', until: before.lockedUntil }
  const state = settle(before, now)
  const { distinct, pending } = state
  if (distinct.includes(fingerprint)) return { state, outcome: 'known-wrong' }
  if (pending.some((holding) => holding.holder === holder)) return { state, outcome: 'reserved' }
  const isShared = pending.some((holding) => holding.fingerprint === fingerprint)
  if (pending.length >= maxHolders || (!isShared && isFull(state, rules))) {
    return { state, outcome: 'busy' }
  }
  const holding = { holder, fingerprint, leaseEndsAt: now + leaseMs }
  return { state: { ...state, pending: [...pending, holding] }, outcome: 'reserved' }
}

const lock = (state: BucketState, until: number, now: number): BucketState => ({
  ...state,
  distinct: [],
  previous: state.distinct,
  windowEndsAt: 0,
  lockedAt: now,
  lockedUntil: until,
  locks: state.locks + 1,
})

/** When a lock that begins now ends: doubling, up to a maximum; undefined when nothing locks. */
const lockEnd = (state: BucketState, now: number, rules: LockoutRules): number | undefined => {
  if (state.consecutive >= rules.consecutiveLimit) return Infinity
  if (state.distinct.length < rules.limit) return undefined
  if (rules.untilUnlocked) return Infinity
  return now + Math.min(rules.lockMs * 2 ** Math.min(state.locks, 32), rules.maxLockMs)
}

/** The secret was wrong: counted once per window, whoever else tried the same; may lock. */
export const fail = (
  before: BucketState,
  { holder, fingerprint, channel, source }: Attempted & Origin,
  now: number,
  rules: LockoutRules,
): Step<{ readonly counted: boolean; readonly locked: boolean }> => {
  const settled = settle(before, now)
  const released = { ...settled, pending: without(settled.pending, holder) }
  if (isLocked(released, now) || released.distinct.includes(fingerprint)) {
    return { state: released, counted: false, locked: false }
  }
  const state = {
    ...released,
    distinct: [...released.distinct, fingerprint],
    windowEndsAt: released.distinct.length > 0 ? released.windowEndsAt : now + rules.windowMs,
    consecutive: released.consecutive + (released.previous.includes(fingerprint) ? 0 : 1),
    failedAt: now,
    channels: withNewest(released.channels, [channel]),
    sources: withNewest(released.sources, [source]),
  }
  const until = lockEnd(state, now, rules)
  return until === undefined
    ? { state, counted: true, locked: false }
    : { state: lock(state, until, now), counted: true, locked: true }
}

/** A fault of ours: the place is free again and nothing is counted. */
export const giveBack = (state: BucketState, holder: string, now: number): BucketState => {
  const settled = settle(state, now)
  return { ...settled, pending: without(settled.pending, holder) }
}

/**
 * The secret was right: the bucket is cleared. `lapsed`: the lease had ended, so the place may have
 * gone to another guess, or the bucket was locked meanwhile, as by another node; nothing is
 * cleared, and the caller refuses as it does when locked.
 */
export const succeed = (
  before: BucketState,
  holder: string,
  now: number,
): Step<{ readonly outcome: 'cleared' | 'lapsed' }> => {
  const state = settle(before, now)
  const pending = without(state.pending, holder)
  return pending.length < state.pending.length && !isLocked(state, now)
    ? { state: { ...emptyBucket, pending }, outcome: 'cleared' }
    : { state: { ...state, pending }, outcome: 'lapsed' }
}
