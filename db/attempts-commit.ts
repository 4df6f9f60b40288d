import { isForgettable, isLocked, restore, type BucketState } from '../policies/bucket.ts'
import { join } from '../policies/bucket-join.ts'
import { EraIsOver } from './attempts-eras.ts'
import type { KnownBuckets } from './attempts-known.ts'
import type { Asked } from './attempts-queue.ts'
import { nothingRead, type Change, type Read, type RemoteBuckets } from './attempts-remote.ts'
import type { Place } from './attempts-steps.ts'
import { writeBucket } from './bucket-text.ts'
import type { RedisClock } from './redis-clock.ts'
import { RedisFailure } from './redis-failures.ts'

export type CommitOptions = {
  readonly remote: RemoteBuckets
  readonly known: KnownBuckets
  readonly clock: RedisClock
  readonly elapsed: () => number
  /** For how long a step that meets those of other nodes is begun anew (ms). */
  readonly patienceMs: number
}

/** What is asked of a bucket that has a place in Redis already, or must have one. */
export const anyNumber = Number.MAX_SAFE_INTEGER

/**
 * Where many guess at once each node finds the bucket changed by others: by a place taken and a
 * failure counted for each of the five guesses of a window. Then it is locked, and changes no more.
 */
const leastTries = 12

const asIs = <Rules>(rules: Rules): Rules => rules

export type Commit = {
  /** Judges these steps one after another on the bucket in Redis, and answers them when it stands. */
  readonly commit: (
    place: Place,
    batch: readonly Asked[],
    within: Pick<Change, 'era' | 'perUser'>,
  ) => Promise<'done' | 'full'>
  /** Lets go of buckets that hold nothing any more; whether there were any. */
  readonly makeRoom: (userKey: string, era: string) => Promise<boolean>
}

export const createCommit = (options: CommitOptions): Commit => {
  const { remote, known, clock, elapsed, patienceMs } = options

  /** What it was when last heard of: if it still is, one round trip is enough. */
  const expectedAt = (place: Place, now: number): Read => {
    const state = known.find(place)
    const text = writeBucket(state, now)
    return text === '' ? nothingRead : { state, text }
  }

  /** A lock that is known holds, even if Redis has lost it: only time or an admin ends it. */
  const withKnownLock = (place: Place, state: BucketState, now: number): BucketState => {
    const before = known.find(place)
    return isLocked(before, now) && before.lockedUntil > state.lockedUntil
      ? restore(state, before)
      : state
  }

  /** What was decided here while Redis was asked counts too. */
  const keep = (place: Place, seen: BucketState, after: BucketState): void => {
    const now = known.find(place)
    known.put(place, now === seen ? after : join(after, now, clock.steady()))
  }

  return {
    commit: async (place, batch, within) => {
      const startedAt = elapsed()
      let read = expectedAt(place, clock.steady())
      for (let tries = 0; tries < leastTries || elapsed() - startedAt < patienceMs; tries++) {
        const now = clock.steady()
        const bench = { now, bucket: place.bucket, rulesFor: asIs }
        const before = withKnownLock(place, read.state, now)
        const after = batch.reduce((state, asked) => asked.judge(state, bench) ?? state, before)
        const seen = known.find(place)
        const swapped = await remote.swap(place, { ...within, read, after })
        if (swapped.outcome === 'full') return 'full'
        if (swapped.outcome === 'over') throw new EraIsOver()
        if (swapped.outcome === 'done') {
          keep(place, seen, after)
          for (const asked of batch) asked.answer()
          return 'done'
        }
        read = swapped.read
      }
      throw new RedisFailure('has a bucket that changes faster than it can be judged')
    },
    makeRoom: async (userKey, era) => {
      let isMade = false
      const now = clock.steady()
      for (const [bucket, read] of await remote.all(userKey)) {
        if (!isForgettable(read.state, now)) continue
        const place = { userKey, bucket, existing: true }
        const change = { era, read, after: read.state, perUser: anyNumber }
        isMade = (await remote.swap(place, change)).outcome === 'done' || isMade
      }
      return isMade
    },
  }
}
