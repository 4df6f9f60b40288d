import type { WrittenLock } from '../policies/bucket.ts'
import type { Channel } from '../policies/facts.ts'
import type { Origin, Reservation } from '../policies/guess.ts'
import type { LockoutRules } from '../policies/lockout.ts'

/*
 * How the counters fit together, file by file (`attempts-…`):
 *
 * - `steps`: reserve, fail, give back, succeed; each a judge (`policies/guess.ts`) on one bucket.
 * - `embedded`: without Redis, judged on what the process holds (`known`, in bounded `memory`).
 * - `redis`: shared by nodes. Names that are no user's stay in `known`; of users, `buckets` puts a
 *   step into the `queue` of its bucket, where those that came meanwhile are judged together.
 * - `commit`: judges on what is known, and `remote` swaps it in if that was so; else judges anew.
 * - `eras`: what Redis holds is whole until it comes back empty; then all nodes tell what they know.
 * - `alone`: away from Redis, or in an era that is not whole, a step is judged on `known` within
 *   its `share`, and its deed goes into the `journal`, replayed on Redis before the next commit.
 */

/** One secret about to be verified. Nothing of it is a secret or a raw name. */
export type AttemptRequest = Origin & {
  /** The keyed digest of a user, or of a folded name that is no user's (`db/secrets.ts`). */
  readonly userKey: string
  /** False for a name that is no user's: counted in this process alone, and the first let go. */
  readonly existing: boolean
  /** As `bucketOf` chose it. */
  readonly bucket: string
  readonly fingerprint: string
  readonly rules: LockoutRules
}

/** The receipt of a reservation: plain values, handed back once to say how the attempt ended. */
export type AttemptToken = AttemptRequest & { readonly holder: string }

export type ReserveOutcome =
  | Exclude<Reservation, { outcome: 'reserved' }>
  | { readonly outcome: 'reserved'; readonly token: AttemptToken }

/** A lock as it is written to the database (times in ms since the epoch, Infinity: until unlocked). */
export type BucketLock = WrittenLock & { readonly userKey: string; readonly bucket: string }

export type Failure = {
  /** False when this very secret was counted before, or the bucket was locked meanwhile. */
  readonly counted: boolean
  /** Present when this failure locked the bucket: write it down, so that it outlives the counters. */
  readonly lock?: BucketLock
}

/** A bucket as an admin sees it; no lock: `lockedUntil` is undefined. */
export type BucketView = {
  readonly bucket: string
  /** Wrong secrets since the last success. */
  readonly failures: number
  readonly lockedAt?: number
  readonly lockedUntil?: number
  readonly channels: readonly Channel[]
  readonly sources: readonly string[]
}

export type SourceCount = {
  /** Refusals in the window that is open. */
  readonly count: number
  /** The budget is used up until then (ms since the epoch). */
  readonly blockedUntil?: number
}

/**
 * The counters. What is done to one bucket (or source) is one atomic step, wherever it is kept; that
 * Redis is away rejects nothing. A rejection is a fault of ours, and the caller refuses with
 * `unavailable`.
 */
export type Attempts = {
  /** Takes a place before a secret is verified; then exactly one of the next three. */
  readonly reserve: (request: AttemptRequest) => Promise<ReserveOutcome>
  readonly fail: (token: AttemptToken) => Promise<Failure>
  /** A fault of ours: counts nothing. */
  readonly giveBack: (token: AttemptToken) => Promise<void>
  /** Clears this bucket and no other. `lapsed`: it took too long, so refuse as if locked. */
  readonly succeed: (token: AttemptToken) => Promise<'cleared' | 'lapsed'>
  /**
   * Clears every bucket of a user as of that moment (ms since the epoch): told late or twice, it
   * leaves alone what was counted since.
   */
  readonly unlock: (userKey: string, at: number) => Promise<void>
  /** Puts back a lock that was written down; the later end wins. */
  readonly restore: (lock: BucketLock) => Promise<void>
  /** The buckets of a user that hold failures. */
  readonly state: (userKey: string) => Promise<readonly BucketView[]>
  /** Asked on every request: what this process knows, at once, in ms since the epoch. */
  readonly lockedUntil: (userKey: string, bucket: string) => number | undefined
  /** Counts one refusal against a source (`sourceGroup`), in a window that is never extended. */
  readonly countSource: (group: string) => Promise<SourceCount>
  /** Asked on every request: what this process knows, at once, in ms since the epoch. */
  readonly sourceBlockedUntil: (group: string) => number | undefined
  readonly close: () => Promise<void>
}

/** How much is remembered at most, and what a source may be refused. */
export type AttemptLimits = {
  /** Buckets of users; those that are locked are kept beyond it. */
  readonly buckets: number
  /** Further sources of the same user share the bucket of the unknown ones. */
  readonly bucketsPerUser: number
  /** Buckets of names that are no user's. */
  readonly strangers: number
  readonly sources: number
  /** This many refusals in a window use up a source's budget. */
  readonly sourceRefusals: number
  readonly sourceWindowMs: number
}

export const defaultAttemptLimits: AttemptLimits = Object.freeze({
  buckets: 100_000,
  bucketsPerUser: 256,
  strangers: 20_000,
  sources: 100_000,
  sourceRefusals: 3_000,
  sourceWindowMs: 900_000,
})
