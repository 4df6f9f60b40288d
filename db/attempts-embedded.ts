import { emptyBucket, isLocked, restore, unlock, type BucketState } from '../policies/bucket.ts'
import * as guess from '../policies/guess.ts'
import {
  defaultAttemptLimits,
  type AttemptLimits,
  type AttemptRequest,
  type Attempts,
  type AttemptToken,
  type BucketLock,
  type BucketView,
} from './attempts.ts'
import { createBucketMemory, type BucketMemory } from './attempts-memory.ts'
import { createSourceBudget } from './source-budget.ts'

/** `now`: ms since the epoch, may jump; `elapsed`: ms that never jump, by which locks are timed. */
export type EmbeddedAttemptsOptions = {
  readonly now: () => number
  readonly elapsed: () => number
  readonly limits?: Partial<AttemptLimits>
}

/** Inside, time is steady: a clock that is set forward or back neither shortens nor lengthens. */
const createSteadyClock = ({ now, elapsed }: EmbeddedAttemptsOptions) => {
  const offset = now() - elapsed()
  const steady = (): number => offset + elapsed()
  return {
    steady,
    fromSteady: (at: number): number => (at === Infinity ? at : Math.ceil(at - steady() + now())),
    toSteady: (at: number): number => (at === Infinity ? at : at - now() + steady()),
  }
}

type Clock = ReturnType<typeof createSteadyClock>

const lockOf = (
  { userKey, bucket }: Pick<AttemptRequest, 'userKey' | 'bucket'>,
  { lockedAt, lockedUntil, locks, consecutive, channels, sources }: BucketState,
  { fromSteady }: Clock,
): BucketLock => ({
  userKey,
  bucket,
  lockedAt: fromSteady(lockedAt),
  lockedUntil: fromSteady(lockedUntil),
  locks,
  consecutive,
  channels,
  sources,
})

const viewOf = (bucket: string, state: BucketState, { steady, fromSteady }: Clock): BucketView => {
  const { consecutive: failures, channels, sources, lockedAt, lockedUntil } = state
  const view = { bucket, failures, channels, sources }
  return isLocked(state, steady())
    ? { ...view, lockedAt: fromSteady(lockedAt), lockedUntil: fromSteady(lockedUntil) }
    : view
}

/** The steps of one attempt: each reads, judges and writes one bucket without letting go. */
const createSteps = (
  memoryOf: (existing: boolean) => BucketMemory,
  clock: Clock,
): Pick<Attempts, 'reserve' | 'fail' | 'giveBack' | 'succeed'> => {
  let holders = 0
  const read = ({ existing, userKey, bucket }: AttemptRequest): BucketState =>
    memoryOf(existing).find(userKey, bucket) ?? emptyBucket
  const write = ({ existing, userKey, bucket }: AttemptRequest, state: BucketState): void => {
    memoryOf(existing).put(userKey, bucket, state, clock.steady())
  }

  return {
    async reserve(request) {
      const now = clock.steady()
      const bucket = memoryOf(request.existing).nameOf(request.userKey, request.bucket, now)
      const token: AttemptToken = { ...request, bucket, holder: String(++holders) }
      const { state, ...reservation } = guess.reserve(read(token), token, now, request.rules)
      if (reservation.outcome === 'locked') {
        return { outcome: 'locked', until: clock.fromSteady(reservation.until) }
      }
      if (reservation.outcome !== 'reserved') return reservation
      write(token, state)
      return { outcome: 'reserved', token }
    },
    async fail(token) {
      const failed = guess.fail(read(token), token, clock.steady(), token.rules)
      write(token, failed.state)
      return failed.locked
        ? { counted: true, lock: lockOf(token, failed.state, clock) }
        : { counted: failed.counted }
    },
    async giveBack(token) {
      write(token, guess.giveBack(read(token), token.holder, clock.steady()))
    },
    async succeed(token) {
      const { state, outcome } = guess.succeed(read(token), token.holder, clock.steady())
      write(token, state)
      return outcome
    },
  }
}

/** The counters of one process, in bounded memory: they end with it, written locks do not. */
export const createEmbeddedAttempts = (options: EmbeddedAttemptsOptions): Attempts => {
  const limits = { ...defaultAttemptLimits, ...options.limits }
  const clock = createSteadyClock(options)
  const { buckets, strangers: names, bucketsPerUser: perUser } = limits
  const users = createBucketMemory({ limit: buckets, perUser, keepsLocks: true })
  const strangers = createBucketMemory({ limit: names, perUser, keepsLocks: false })
  const memories = [users, strangers]
  const budget = createSourceBudget(limits)

  return {
    ...createSteps((existing) => (existing ? users : strangers), clock),
    async unlock(userKey) {
      for (const memory of memories) {
        for (const [bucket, state] of memory.of(userKey)) {
          memory.put(userKey, bucket, unlock(state), clock.steady())
        }
      }
    },
    async restore({ userKey, bucket, ...lock }) {
      const lockedAt = clock.toSteady(lock.lockedAt)
      const lockedUntil = clock.toSteady(lock.lockedUntil)
      const state = users.find(userKey, bucket) ?? emptyBucket
      const restored = restore(state, { ...lock, lockedAt, lockedUntil })
      users.put(userKey, bucket, restored, clock.steady())
    },
    state: async (userKey) =>
      memories
        .flatMap((memory) => memory.of(userKey))
        .filter(([, { consecutive, locks }]) => consecutive > 0 || locks > 0)
        .map(([bucket, state]) => viewOf(bucket, state, clock)),
    lockedUntil(userKey, bucket) {
      const now = clock.steady()
      for (const memory of memories) {
        const state = memory.find(userKey, memory.nameOf(userKey, bucket, now))
        if (state !== undefined && isLocked(state, now)) return clock.fromSteady(state.lockedUntil)
      }
      return undefined
    },
    async countSource(group) {
      const { count, blockedUntil } = budget.count(group, clock.steady())
      return blockedUntil === undefined
        ? { count }
        : { count, blockedUntil: clock.fromSteady(blockedUntil) }
    },
    sourceBlockedUntil(group) {
      const until = budget.blockedUntil(group, clock.steady())
      return until === undefined ? undefined : clock.fromSteady(until)
    },
    close: async () => {},
  }
}
