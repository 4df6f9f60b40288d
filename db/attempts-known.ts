import { emptyBucket, isLocked, type BucketState } from '../policies/bucket.ts'
import type { AttemptLimits, BucketView } from './attempts.ts'
import { createBucketMemory, type BucketMemory } from './attempts-memory.ts'
import type { Place, Step, StoreClock } from './attempts-steps.ts'

/** The buckets that this process knows, in bounded memory: of users and of other names. */
export type KnownBuckets = {
  readonly find: (place: Place) => BucketState
  readonly put: (place: Place, state: BucketState) => void
  /** The bucket that stands for this one: that of the unknown sources when a user has too many. */
  readonly nameOf: (place: Place) => string
  readonly of: (userKey: string) => readonly (readonly [Place, BucketState])[]
  /** Who has buckets here, names that are no user's left out. */
  readonly users: () => readonly string[]
  /** In ms since the epoch, as the process counts them. */
  readonly lockedUntil: (userKey: string, bucket: string) => number | undefined
}

export const createKnownBuckets = (limits: AttemptLimits, clock: StoreClock): KnownBuckets => {
  const { buckets, strangers: names, bucketsPerUser: perUser } = limits
  const users = createBucketMemory({ limit: buckets, perUser, keepsLocks: true })
  const strangers = createBucketMemory({ limit: names, perUser, keepsLocks: false })
  const both: readonly (readonly [boolean, BucketMemory])[] = [
    [true, users],
    [false, strangers],
  ]
  const memoryOf = ({ existing }: Place): BucketMemory => (existing ? users : strangers)
  return {
    find: (place) => memoryOf(place).find(place.userKey, place.bucket) ?? emptyBucket,
    put: (place, state) => {
      memoryOf(place).put(place.userKey, place.bucket, state, clock.steady())
    },
    nameOf: (place) => memoryOf(place).nameOf(place.userKey, place.bucket, clock.steady()),
    of: (userKey) =>
      both.flatMap(([existing, memory]) =>
        memory
          .of(userKey)
          .map(([bucket, state]) => [{ userKey, existing, bucket }, state] as const),
      ),
    users: users.users,
    lockedUntil: (userKey, bucket) => {
      const now = clock.steady()
      for (const [, memory] of both) {
        const state = memory.find(userKey, memory.nameOf(userKey, bucket, now))
        if (state !== undefined && isLocked(state, now)) return clock.fromSteady(state.lockedUntil)
      }
      return undefined
    },
  }
}

/** Steps on what this process knows, for what it shares with no other. */
export const createStepHere =
  (known: KnownBuckets, clock: StoreClock): Step =>
  async (asked, judge, { mayMove = false } = {}) => {
    const place = mayMove ? { ...asked, bucket: known.nameOf(asked) } : asked
    const { bucket } = place
    const bench = { now: clock.steady(), bucket, rulesFor: <Rules>(rules: Rules) => rules }
    const { state, isSame, result } = judge(known.find(place), bench)
    if (isSame !== true) known.put(place, state)
    return result
  }

/** A bucket as an admin sees it, if it holds failures. */
export const viewOf = (
  bucket: string,
  state: BucketState,
  { steady, fromSteady }: StoreClock,
): readonly BucketView[] => {
  const { consecutive: failures, locks, channels, sources, lockedAt, lockedUntil } = state
  if (failures === 0 && locks === 0) return []
  const view = { bucket, failures, channels, sources }
  return [
    isLocked(state, steady())
      ? { ...view, lockedAt: fromSteady(lockedAt), lockedUntil: fromSteady(lockedUntil) }
      : view,
  ]
}
