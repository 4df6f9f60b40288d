/** How wrong secrets are counted and what they lead to; an account setting (durations in ms). */
export type LockoutRules = {
  /** This many distinct wrong secrets within a window lock a bucket. */
  readonly limit: number
  readonly windowMs: number
  /** The first lock; each further one is twice as long, up to `maxLockMs`. */
  readonly lockMs: number
  readonly maxLockMs: number
  /** A lock lasts until an admin unlocks. */
  readonly untilUnlocked: boolean
  /** One bucket for the whole user, whatever the source. */
  readonly strict: boolean
  /** This many failures without a success lock a bucket until reset or unlock. */
  readonly consecutiveLimit: number
}

export const defaultLockoutRules: LockoutRules = Object.freeze({
  limit: 5,
  windowMs: 900_000,
  lockMs: 900_000,
  maxLockMs: 86_400_000,
  untilUnlocked: false,
  strict: false,
  consecutiveLimit: 100,
})
