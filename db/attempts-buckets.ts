import { isLocked, restore, settle, unlockUpTo, type BucketState } from '../policies/bucket.ts'
import { unknownBucket } from '../policies/lockout.ts'
import { anyNumber, createCommit, type CommitOptions } from './attempts-commit.ts'
import { createJournal, type Deed } from './attempts-journal.ts'
import { createStepQueue, idOf, type Asked } from './attempts-queue.ts'
import { rulesAlone, secretsIn } from './attempts-share.ts'
import type { Place, Step } from './attempts-steps.ts'
import { RedisFailure } from './redis-failures.ts'

export type SharedBucketsOptions = CommitOptions & {
  readonly isAway: () => boolean
  /** The last known number of nodes. */
  readonly nodes: () => number
  readonly perUser: number
  readonly users: number
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
}

/** By as much the clocks of two nodes may be wrong about that of Redis (ms). */
const SLACK_MS = 1_000

const asIs = <Rules>(rules: Rules): Rules => rules

const deedOf = ({ judge, holder, ends }: Asked, place: Place, at: number, after: BucketState) =>
  ({
    at,
    holder,
    // A success that lapsed clears nothing.
    ended: ends === 'cleared' && after.consecutive > 0 ? undefined : ends,
    apply: (state, then) =>
      judge(state, { now: then, bucket: place.bucket, rulesFor: asIs }) ?? state,
  }) satisfies Deed

/** A step that nobody waits for. */
const silently = (judge: (state: BucketState) => BucketState): Asked => ({
  judge,
  answer: () => undefined,
  reject: () => undefined,
})

export const createSharedBuckets = (options: SharedBucketsOptions): SharedBuckets => {
  const { remote, known, clock, isAway, nodes, perUser, users } = options
  const { commit, makeRoom } = createCommit(options)
  const journal = createJournal(users)
  /** What held places in a bucket when Redis was lost. */
  const seeds = new Map<string, ReadonlySet<string>>()
  const merging = new Map<string, Promise<void>>()

  const seedOf = (place: Place, state: BucketState): ReadonlySet<string> => {
    const id = idOf(place)
    const seed = seeds.get(id) ?? secretsIn(state)
    seeds.set(id, seed)
    const [oldest] = seeds.keys()
    if (seeds.size > users && oldest !== undefined) seeds.delete(oldest)
    return seed
  }

  const decideOne = (place: Place, asked: Asked): void => {
    const now = clock.steady()
    const before = settle(known.find(place), now)
    const seed = seedOf(place, before)
    const after = asked.judge(before, {
      now,
      bucket: place.bucket,
      rulesFor: (rules) => rulesAlone(rules, before, seed, nodes()),
    })
    if (after !== undefined) {
      known.put(place, after)
      // What is counted against nobody is not worth telling.
      if (place.existing) journal.add(place, deedOf(asked, place, now, after))
    }
    asked.answer()
  }

  const decideHere = (place: Place, batch: readonly Asked[]): void => {
    for (const asked of batch) {
      try {
        decideOne(asked.mayMove === true ? { ...place, bucket: known.nameOf(place) } : place, asked)
      } catch (error) {
        asked.reject(error)
      }
    }
  }

  const decideThere = async (place: Place, batch: readonly Asked[]): Promise<void> => {
    const movers =
      place.bucket === unknownBucket ? [] : batch.filter(({ mayMove }) => mayMove === true)
    const most = movers.length > 0 ? perUser : anyNumber
    if ((await commit(place, batch, most)) === 'done') return
    if ((await makeRoom(place.userKey)) && (await commit(place, batch, most)) === 'done') return
    const others = batch.filter((asked) => !movers.includes(asked))
    if (others.length > 0) await commit(place, others, anyNumber)
    for (const asked of movers)
      queue.enter({ ...place, bucket: unknownBucket }, { ...asked, mayMove: false })
  }

  const mergeUser = async (userKey: string): Promise<void> => {
    const { unlockedAt, deeds } = journal.of(userKey)
    const places = new Map(deeds.map(([place, list]) => [place.bucket, { place, list }]))
    if (unlockedAt !== undefined)
      for (const [bucket] of await remote.all(userKey))
        if (!places.has(bucket))
          places.set(bucket, { place: { userKey, bucket, existing: true }, list: [] })
    for (const { place, list } of places.values()) {
      const replay = (state: BucketState): BucketState =>
        list.reduce(
          (it, { apply, at }) => apply(it, at),
          unlockedAt === undefined ? state : unlockUpTo(state, unlockedAt),
        )
      await commit(place, [silently(replay)], anyNumber)
      journal.sent(place, list)
      seeds.delete(idOf(place))
    }
    if (unlockedAt !== undefined) journal.unlockSent(userKey, unlockedAt)
  }

  /** Once at a time for one user, before anything else is asked of Redis about that user. */
  const merge = async (userKey: string): Promise<void> => {
    if (isAway()) throw new RedisFailure('is away')
    const under = merging.get(userKey)
    if (under !== undefined) return under
    if (!journal.has(userKey)) return
    const begun = mergeUser(userKey).finally(() => merging.delete(userKey))
    merging.set(userKey, begun)
    return begun
  }

  const queue = createStepQueue(async (place, batch) => {
    try {
      await merge(place.userKey)
      await decideThere(place, batch)
    } catch (error) {
      if (!(error instanceof RedisFailure)) throw error
      // Who waited behind a step that failed does not wait again.
      decideHere(place, [...batch, ...queue.takeWaiting(place)])
    }
  })

  return {
    step: queue.step,
    unlock: async (userKey, at) => {
      const upTo = Math.min(at + SLACK_MS, clock.steady())
      const places = new Map(known.of(userKey).map(([place]) => [place.bucket, place]))
      // A lock that is known holds, so this process forgets it first.
      for (const [place, state] of known.of(userKey)) known.put(place, unlockUpTo(state, upTo))
      try {
        await merge(userKey)
        for (const [bucket] of await remote.all(userKey))
          if (!places.has(bucket)) places.set(bucket, { userKey, bucket, existing: true })
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error
        journal.addUnlock(userKey, upTo)
        return
      }
      await Promise.all(
        [...places.values()].map((place) =>
          queue.step(place, (state) => ({ state: unlockUpTo(state, upTo), result: undefined })),
        ),
      )
    },
    all: async (userKey) => {
      const here = known.of(userKey).map(([{ bucket }, state]) => [bucket, state] as const)
      try {
        await merge(userKey)
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
      try {
        for (const userKey of journal.users()) await merge(userKey)
      } catch {
        return // Away again: what is left is told another time.
      }
      for (const id of seeds.keys()) if (!journal.has(id.split(' ')[0] ?? '')) seeds.delete(id)
    },
  }
}
