import { isLocked, restore, unlockUpTo, type BucketState } from '../policies/bucket.ts'
import { join } from '../policies/bucket-join.ts'
import { unknownBucket } from '../policies/lockout.ts'
import { createAlone } from './attempts-alone.ts'
import { anyNumber, createCommit, type CommitOptions } from './attempts-commit.ts'
import { createEras, EraIsNotWhole, EraIsOver, type ErasOptions } from './attempts-eras.ts'
import { createJournal, replay } from './attempts-journal.ts'
import { createStepQueue, type Asked } from './attempts-queue.ts'
import type { Place, Step } from './attempts-steps.ts'
import { RedisFailure } from './redis-failures.ts'

export type SharedBucketsOptions = CommitOptions &
  Pick<ErasOptions, 'redis' | 'random' | 'nodes'> & {
    readonly isAway: () => boolean
    readonly perUser: number
    readonly users: number
    /** Told of what went wrong behind everybody's back, but for what Redis may do. */
    readonly onFailure: (error: unknown) => void
  }

/** The buckets in Redis while it is there, and as this process knows them while it is not. */
export type SharedBuckets = {
  readonly step: Step
  /** In the time of the store. */
  readonly unlock: (userKey: string, at: number) => Promise<void>
  /** The buckets of a user, as well as they can be known now. */
  readonly all: (userKey: string) => Promise<ReadonlyMap<string, BucketState>>
  /** Tells Redis all that was counted here without it. Never rejects. */
  readonly mergeAll: () => Promise<void>
  /** No other node is to wait for this one. */
  readonly leave: () => Promise<void>
}

/** By as much the clocks of two nodes may be wrong about that of Redis (ms). */
const SLACK_MS = 1_000

/** A step that nobody waits for. */
const silently = (judge: (state: BucketState) => BucketState): Asked => ({
  judge,
  answer: () => undefined,
  reject: () => undefined,
})

export const createSharedBuckets = (options: SharedBucketsOptions): SharedBuckets => {
  const { remote, known, clock, isAway, perUser, users, onFailure } = options
  const { commit, makeRoom } = createCommit(options)
  const journal = createJournal(users)
  const alone = createAlone({ ...options, journal })
  const merging = new Map<string, Promise<void>>()

  const tell = async (userKey: string, era: string): Promise<void> => {
    for (const [place] of known.of(userKey)) {
      if (!place.existing) continue
      const withKnown = (state: BucketState): BucketState =>
        join(state, known.find(place), clock.steady())
      await commit(place, [silently(withKnown)], { era, perUser: anyNumber })
    }
  }
  const eras = createEras({ ...options, users: known.users, tell })

  const decideThere = async (place: Place, batch: readonly Asked[], era: string): Promise<void> => {
    const movers =
      place.bucket === unknownBucket ? [] : batch.filter(({ mayMove }) => mayMove === true)
    const within = { era, perUser: movers.length > 0 ? perUser : anyNumber }
    if ((await commit(place, batch, within)) === 'done') return
    if (await makeRoom(place.userKey, era))
      if ((await commit(place, batch, within)) === 'done') return
    const others = batch.filter((asked) => !movers.includes(asked))
    if (others.length > 0) await commit(place, others, { era, perUser: anyNumber })
    for (const asked of movers)
      queue.enter({ ...place, bucket: unknownBucket }, { ...asked, mayMove: false })
  }

  const mergeUser = async (userKey: string, era: string): Promise<void> => {
    const { unlockedAt, deeds } = journal.of(userKey)
    const places = new Map(deeds.map(([place, list]) => [place.bucket, { place, list }]))
    if (unlockedAt !== undefined)
      for (const [bucket] of await remote.all(userKey))
        if (!places.has(bucket))
          places.set(bucket, { place: { userKey, bucket, existing: true }, list: [] })
    for (const { place, list } of places.values()) {
      const replayed = (state: BucketState): BucketState =>
        replay(state, { unlockedAt, deeds: list }, clock.steady())
      await commit(place, [silently(replayed)], { era, perUser: anyNumber })
      journal.sent(place, list)
      alone.told(place)
    }
    if (unlockedAt !== undefined) journal.unlockSent(userKey, unlockedAt)
  }

  /** What others have told so far counts here, though it is not all: this process may be new. */
  const hear = async (userKey: string): Promise<void> => {
    for (const [bucket, { state }] of await remote.all(userKey)) {
      const place = { userKey, bucket, existing: true }
      known.put(place, join(known.find(place), state, clock.steady()))
    }
  }

  const enter = async (userKey: string): Promise<string> => {
    try {
      return await eras.enter(userKey)
    } catch (error) {
      if (error instanceof EraIsNotWhole) await hear(userKey)
      throw error
    }
  }

  /** Once at a time for one user, before anything else is asked of Redis about that user. */
  const merge = async (userKey: string): Promise<string> => {
    if (isAway()) throw new RedisFailure('is away')
    const era = await enter(userKey)
    if (merging.has(userKey) || journal.has(userKey)) {
      const begun =
        merging.get(userKey) ?? mergeUser(userKey, era).finally(() => merging.delete(userKey))
      merging.set(userKey, begun)
      await begun
    }
    return era
  }

  /** In an era that is over nothing was done: it is done in the next one, if that is whole. */
  const within = async <T>(userKey: string, work: (era: string) => Promise<T>): Promise<T> => {
    const inOne = async (): Promise<T> => work(await merge(userKey))
    try {
      return await inOne()
    } catch (error) {
      if (!(error instanceof EraIsOver)) throw error
      eras.isOver(userKey)
      return await inOne()
    }
  }

  const queue = createStepQueue(async (place, batch) => {
    try {
      await within(place.userKey, (era) => decideThere(place, batch, era))
    } catch (error) {
      if (!(error instanceof RedisFailure)) throw error
      // Who waited behind a step that failed does not wait again.
      alone.decide(place, [...batch, ...queue.takeWaiting(place)])
    }
  })

  return {
    step: queue.step,
    unlock: async (userKey, at) => {
      const upTo = Math.min(at + SLACK_MS, clock.steady())
      // A lock that is known holds, so this process forgets it first.
      for (const [place, state] of known.of(userKey)) known.put(place, unlockUpTo(state, upTo))
      // Whatever becomes of Redis on the way, it is told in the end.
      journal.addUnlock(userKey, upTo)
      try {
        await within(userKey, async () => undefined)
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error
      }
    },
    all: async (userKey) => {
      const here = known.of(userKey).map(([{ bucket }, state]) => [bucket, state] as const)
      try {
        await within(userKey, async () => undefined)
        const there = new Map((await remote.all(userKey)).map(([name, { state }]) => [name, state]))
        const now = clock.steady()
        for (const [bucket, state] of here)
          if (isLocked(state, now)) there.set(bucket, restore(there.get(bucket) ?? state, state))
        return there
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error
        return new Map(here)
      }
    },
    mergeAll: async () => {
      if (isAway()) return
      await eras.look()
      for (const userKey of journal.users()) {
        try {
          await within(userKey, async () => undefined)
        } catch (error) {
          if (!(error instanceof RedisFailure)) onFailure(error)
          // What is left is told another time.
          if (isAway()) return
        }
      }
      alone.toldUsers((userKey) => eras.isWhole(userKey) && !journal.has(userKey))
    },
    leave: eras.leave,
  }
}
