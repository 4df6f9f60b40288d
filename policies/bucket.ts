import type { Channel } from './facts.ts'

/** An attempt under verification. A process that dies gives its place back when the lease ends. */
export type Holding = {
  readonly holder: string
  readonly fingerprint: string
  readonly leaseEndsAt: number
}

/** What is remembered of one bucket: plain values; times in ms since the epoch, 0 for never. */
export type BucketState = {
  /** Fingerprints of the distinct wrong secrets of the open window. */
  readonly distinct: readonly string[]
  /** Those of the window before: to repeat them teaches a guesser nothing. */
  readonly previous: readonly string[]
  /** Set by the first failure of a window and never extended. */
  readonly windowEndsAt: number
  readonly pending: readonly Holding[]
  readonly lockedAt: number
  /** Infinity: until an admin unlocks. Stays when it is over, so no clock can shorten a lock. */
  readonly lockedUntil: number
  /** Locks since the last success: each doubles the next. */
  readonly locks: number
  /** Wrong secrets since the last success. */
  readonly consecutive: number
  readonly failedAt: number
  /** On which channels and from where (the newest) the failures since the last success came. */
  readonly channels: readonly Channel[]
  readonly sources: readonly string[]
}

export const emptyBucket: BucketState = Object.freeze({
  distinct: [],
  previous: [],
  windowEndsAt: 0,
  pending: [],
  lockedAt: 0,
  lockedUntil: 0,
  locks: 0,
  consecutive: 0,
  failedAt: 0,
  channels: [],
  sources: [],
})

const sourcesKept = 10

/** Adds one to a short list of the newest, without repeating it. */
export const withNewest = <T>(list: readonly T[], added: readonly T[]): readonly T[] =>
  [...new Set([...list.filter((item) => !added.includes(item)), ...added])].slice(-sourcesKept)

/**
 * Failures and finished locks are forgotten this long after the last failure, and a known source
 * after the last success (ms).
 */
export const rememberMs = 30 * 86_400_000

export const isLocked = (state: BucketState, now: number): boolean => state.lockedUntil > now

/** Nothing is lost by forgetting this bucket. */
export const isForgettable = (state: BucketState, now: number): boolean =>
  !isLocked(state, now) &&
  ((state.consecutive === 0 && state.locks === 0) || state.failedAt + rememberMs <= now) &&
  state.pending.every(({ leaseEndsAt }) => leaseEndsAt <= now)

/** The state as time has left it: without ended leases and without a window that is over. */
export const settle = (state: BucketState, now: number): BucketState => {
  if (isForgettable(state, now)) return emptyBucket
  const pending = state.pending.filter(({ leaseEndsAt }) => leaseEndsAt > now)
  return state.distinct.length > 0 && state.windowEndsAt <= now
    ? { ...state, pending, previous: state.distinct, distinct: [], windowEndsAt: 0 }
    : { ...state, pending }
}

/** An admin's unlock: all is forgotten but the attempts in flight. */
export const unlock = (state: BucketState): BucketState => ({
  ...emptyBucket,
  pending: state.pending,
})

/** An unlock of that moment, told late: what was counted since, and a lock made since, stay. */
export const unlockUpTo = (state: BucketState, at: number): BucketState => {
  if (Math.max(state.failedAt, state.lockedAt) <= at) return unlock(state)
  if (state.lockedAt > at) return state
  // Which failures of the open window came after nobody knows any more: all of them stay.
  const consecutive = Math.min(state.consecutive, state.distinct.length)
  return { ...state, previous: [], lockedAt: 0, lockedUntil: 0, locks: 0, consecutive }
}

/** A lock as it is written down, so that it outlives the process and Redis. */
export type WrittenLock = Pick<
  BucketState,
  'lockedAt' | 'lockedUntil' | 'locks' | 'consecutive' | 'channels' | 'sources'
>

/** Puts a written lock back; the stricter of what is known wins. */
export const restore = (state: BucketState, lock: WrittenLock): BucketState => ({
  ...state,
  lockedAt: Math.max(state.lockedAt, lock.lockedAt),
  lockedUntil: Math.max(state.lockedUntil, lock.lockedUntil),
  locks: Math.max(state.locks, lock.locks),
  consecutive: Math.max(state.consecutive, lock.consecutive),
  failedAt: Math.max(state.failedAt, lock.lockedAt),
  channels: withNewest(state.channels, lock.channels),
  sources: withNewest(state.sources, lock.sources),
})
