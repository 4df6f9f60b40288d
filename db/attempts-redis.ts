import { restore } from '../policies/bucket.ts'
import { defaultAttemptLimits, type AttemptLimits, type Attempts } from './attempts.ts'
import { createSharedBuckets } from './attempts-buckets.ts'
import { createKnownBuckets, createStepHere, viewOf } from './attempts-known.ts'
import { createRemoteBuckets } from './attempts-remote.ts'
import { createSteps, type Step } from './attempts-steps.ts'
import { createRedisClock } from './redis-clock.ts'
import type { GuardedRedis } from './redis-guard.ts'
import { createToken, type Fingerprints, type Random } from './secrets.ts'
import { createSharedBudget } from './source-budget-redis.ts'

export type SharedAttemptsOptions = {
  readonly redis: GuardedRedis
  readonly now: () => number
  readonly elapsed: () => number
  readonly random: Random
  /** What a window is called where others may look. */
  readonly windowKey: Fingerprints['windowKey']
  /** How many nodes share the counters, as far as was known last. */
  readonly nodes?: () => number
  readonly limits?: Partial<AttemptLimits>
  /** Told of what went wrong behind everybody's back, but for what Redis may do. */
  readonly onFailure?: (error: unknown) => void
  /** For how long a step that meets those of other nodes is begun anew (ms). */
  readonly patienceMs?: number
  /** Takes the place of the clock of Redis, so that a test can let time pass. */
  readonly sharedNow?: () => number
}

/** Half of what a command may take, so that a step of several stays near it. */
const PATIENCE_MS = 25

const MERGE_MS = 1_000

/**
 * The counters that all nodes share in Redis. While it is away, or has lost what it held, each node
 * goes on by what it knows and by its share of what may be guessed, and tells Redis of it afterwards. Nothing here rejects
 * because of Redis. Closing leaves the connection to whoever made it.
 */
export const createSharedAttempts = (options: SharedAttemptsOptions): Attempts => {
  const { redis, elapsed, random, nodes = () => 1, patienceMs = PATIENCE_MS } = options
  const limits = { ...defaultAttemptLimits, ...options.limits }
  const clock = createRedisClock(options)
  const known = createKnownBuckets(limits, clock)
  const remote = createRemoteBuckets(redis, clock, elapsed)
  const shared = createSharedBuckets({
    ...{ redis, random, remote, known, clock, elapsed, patienceMs, nodes },
    isAway: redis.isAway,
    perUser: limits.bucketsPerUser,
    users: limits.buckets,
    onFailure: options.onFailure ?? (() => undefined),
  })
  const { unlock, all, mergeAll } = shared
  const here = createStepHere(known, clock)
  // Anyone can make up names without end, so what is counted on them is kept out of Redis.
  const step: Step = (place, ...rest) =>
    place.existing ? shared.step(place, ...rest) : here(place, ...rest)
  const newHolder = (): string => createToken(random, 16)
  redis.listen((isAway) => {
    if (!isAway) void mergeAll()
  })
  // One command may fail without the breaker's opening.
  const merging = setInterval(() => void mergeAll(), MERGE_MS).unref()

  return {
    ...createSteps(step, clock, newHolder),
    ...createSharedBudget({ ...options, clock, nodes, limits }),
    unlock: (userKey, at) => unlock(userKey, clock.toSteady(at)),
    restore: ({ userKey, bucket, ...lock }) => {
      const lockedAt = clock.toSteady(lock.lockedAt)
      const lockedUntil = clock.toSteady(lock.lockedUntil)
      return step({ userKey, bucket, existing: true }, (state) => ({
        state: restore(state, { ...lock, lockedAt, lockedUntil }),
        result: undefined,
      }))
    },
    state: async (userKey) =>
      [...(await all(userKey))].flatMap(([bucket, state]) => viewOf(bucket, state, clock)),
    lockedUntil: known.lockedUntil,
    close: async () => {
      clearInterval(merging)
      await mergeAll()
      if (!redis.isAway()) await shared.leave()
    },
  }
}
