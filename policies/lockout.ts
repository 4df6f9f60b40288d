import { sourceGroup, type Address } from './address.ts'
import { isListed, type Safelist } from './safelist.ts'

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

/** What an attempt shows of where it comes from. */
export type Whereabouts = {
  readonly rules: LockoutRules
  readonly now: number
  readonly client: Address
  readonly safelist: Safelist
  /** This user succeeded from this address in the last 30 days. */
  readonly knownSource: boolean
  /** The id of the browser, if it carries this user's device cookie. */
  readonly knownDevice?: string | undefined
}

/** Unknown sources share one bucket, so a stranger locks out strangers and nobody else. */
export const unknownBucket = 'unknown'

/** The bucket that an attempt is counted in: a device's, a known source's (IPv6 by /64), or shared. */
export const bucketOf = (at: Whereabouts): string => {
  if (at.rules.strict) return 'all'
  if (at.knownDevice !== undefined) return `device:${at.knownDevice}`
  return at.knownSource || isListed(at.safelist, at.client, at.now)
    ? sourceGroup(at.client)
    : unknownBucket
}
