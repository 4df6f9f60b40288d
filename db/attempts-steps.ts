import type { BucketState } from '../policies/bucket.ts'
import * as guess from '../policies/guess.ts'
import type { LockoutRules } from '../policies/lockout.ts'
import type {
  AttemptRequest,
  Attempts,
  AttemptToken,
  BucketLock,
  ReserveOutcome,
} from './attempts.ts'

/** The time of a store, and how to say it in that of this process (ms since the epoch). */
export type StoreClock = {
  readonly steady: () => number
  readonly fromSteady: (at: number) => number
  readonly toSteady: (at: number) => number
}

/** Where a bucket stands. */
export type Place = Pick<AttemptRequest, 'userKey' | 'existing' | 'bucket'>

/** What a store hands to a judge besides the state. */
export type Bench = {
  readonly now: number
  /** Where it is decided: not in the bucket that was asked for, when its user has too many. */
  readonly bucket: string
  /** How much may be begun where nobody knows what other nodes count; what locks stays the same. */
  readonly rulesFor: (rules: LockoutRules) => LockoutRules
}

export type Judged<T> = {
  readonly state: BucketState
  /** The state is as it was, but for the time: there is nothing to write. */
  readonly isSame?: boolean
  readonly result: T
}

/** What a store that keeps account of its steps has to know of one. */
export type StepOptions = {
  /** It may go to the bucket of the unknown sources, when the user has too many. */
  readonly mayMove?: boolean
  readonly holder?: string
  readonly ends?: 'given-back' | 'cleared'
}

/** Reads, judges and writes one bucket without letting go. A judge may be asked more than once. */
export type Step = <T>(
  place: Place,
  judge: (state: BucketState, bench: Bench) => Judged<T>,
  options?: StepOptions,
) => Promise<T>

const lockOf = (
  { userKey, bucket }: Pick<AttemptRequest, 'userKey' | 'bucket'>,
  { lockedAt, lockedUntil, locks, consecutive, channels, sources }: BucketState,
  { fromSteady }: StoreClock,
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

/** The steps of one attempt, on whatever keeps the buckets: the judge is one (`guess.ts`). */
export const createSteps = (
  step: Step,
  clock: StoreClock,
  newHolder: () => string,
): Pick<Attempts, 'reserve' | 'fail' | 'giveBack' | 'succeed'> => ({
  reserve: (request) => {
    const holder = newHolder()
    return step(
      request,
      (before, { now, bucket, rulesFor }): Judged<ReserveOutcome> => {
        const token: AttemptToken = { ...request, bucket, holder }
        const { state, ...reservation } = guess.reserve(before, token, now, rulesFor(request.rules))
        if (reservation.outcome === 'reserved')
          return { state, result: { outcome: 'reserved', token } }
        return reservation.outcome === 'locked'
          ? {
              state,
              isSame: true,
              result: { outcome: 'locked', until: clock.fromSteady(reservation.until) },
            }
          : { state, isSame: true, result: reservation }
      },
      { mayMove: true, holder },
    )
  },
  fail: (token) =>
    step(
      token,
      (before, { now }) => {
        const { state, counted, locked } = guess.fail(before, token, now, token.rules)
        return {
          state,
          result: locked ? { counted, lock: lockOf(token, state, clock) } : { counted },
        }
      },
      { holder: token.holder },
    ),
  giveBack: (token) =>
    step(
      token,
      (before, { now }) => ({
        state: guess.giveBack(before, token.holder, now),
        result: undefined,
      }),
      { holder: token.holder, ends: 'given-back' },
    ),
  succeed: (token) =>
    step(
      token,
      (before, { now }) => {
        const { state, outcome } = guess.succeed(before, token.holder, now)
        return { state, result: outcome }
      },
      { holder: token.holder, ends: 'cleared' },
    ),
})
