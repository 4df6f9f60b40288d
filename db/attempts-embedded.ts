import { restore, unlockUpTo } from '../policies/bucket.ts'
import { defaultAttemptLimits, type AttemptLimits, type Attempts } from './attempts.ts'
import { createKnownBuckets, createStepHere, viewOf } from './attempts-known.ts'
import { createSteps, type StoreClock } from './attempts-steps.ts'
import { createSourceBudget } from './source-budget.ts'

/** `now`: ms since the epoch, may jump; `elapsed`: ms that never jump, by which locks are timed. */
export type EmbeddedAttemptsOptions = {
  readonly now: () => number
  readonly elapsed: () => number
  readonly limits?: Partial<AttemptLimits>
}

/** A moment in whole ms may be that much before what came just before it (ms). */
const ROUNDING_MS = 10

/** Inside, time is steady: a clock that is set forward or back neither shortens nor lengthens. */
const createSteadyClock = ({ now, elapsed }: EmbeddedAttemptsOptions): StoreClock => {
  const offset = now() - elapsed()
  const steady = (): number => offset + elapsed()
  return {
    steady,
    fromSteady: (at) => (at === Infinity ? at : Math.ceil(at - steady() + now())),
    toSteady: (at) => (at === Infinity ? at : at - now() + steady()),
  }
}

/** The counters of one process, in bounded memory: they end with it, written locks do not. */
export const createEmbeddedAttempts = (options: EmbeddedAttemptsOptions): Attempts => {
  const limits = { ...defaultAttemptLimits, ...options.limits }
  const clock = createSteadyClock(options)
  const known = createKnownBuckets(limits, clock)
  const budget = createSourceBudget(limits)
  let holders = 0

  return {
    ...createSteps(createStepHere(known, clock), clock, () => String(++holders)),
    async unlock(userKey, at) {
      const upTo = Math.min(clock.toSteady(at) + ROUNDING_MS, clock.steady())
      for (const [place, state] of known.of(userKey)) known.put(place, unlockUpTo(state, upTo))
    },
    async restore({ userKey, bucket, ...lock }) {
      const lockedAt = clock.toSteady(lock.lockedAt)
      const lockedUntil = clock.toSteady(lock.lockedUntil)
      const place = { userKey, bucket, existing: true }
      known.put(place, restore(known.find(place), { ...lock, lockedAt, lockedUntil }))
    },
    state: async (userKey) =>
      known.of(userKey).flatMap(([{ bucket }, state]) => viewOf(bucket, state, clock)),
    lockedUntil: known.lockedUntil,
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
