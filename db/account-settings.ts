import { z } from 'zod'
import { defaultLockoutRules, type LockoutRules } from '../policies/lockout.ts'
import { defaultPasswordRules, minPasswordLength } from '../policies/passwords.ts'

const whole = (least: number, most: number, fallback: number) =>
  z.int().min(least).max(most).default(fallback)

/** A time that the policy counts in ms. */
const seconds = (most: number, fallbackMs: number) => whole(1, most, fallbackMs / 1000)

const day = 86_400

/** What an account's admins may set, with its defaults; what is not written down has its default. */
export const accountSettings = z.strictObject({
  lockout: z
    .strictObject({
      limit: whole(1, 100, defaultLockoutRules.limit),
      windowSeconds: seconds(30 * day, defaultLockoutRules.windowMs),
      lockSeconds: seconds(30 * day, defaultLockoutRules.lockMs),
      maxLockSeconds: seconds(365 * day, defaultLockoutRules.maxLockMs),
      untilUnlocked: z.boolean().default(defaultLockoutRules.untilUnlocked),
      strict: z.boolean().default(defaultLockoutRules.strict),
      consecutiveLimit: whole(1, 10_000, defaultLockoutRules.consecutiveLimit),
    })
    .prefault({}),
  passwords: z
    .strictObject({ minLength: whole(minPasswordLength, 128, defaultPasswordRules.minLength) })
    .prefault({}),
  /** When a person who signs in owes a second factor. */
  secondFactor: z.enum(['never', 'new-device', 'always']).default('new-device'),
  sessions: z
    .strictObject({ idleMinutes: whole(1, 30 * 1440, 60), absoluteHours: whole(1, 720, 24) })
    .prefault({}),
  bindLimit: whole(0, 10_000, 4),
  channels: z.array(z.enum(['email', 'sms', 'voice'])).default(['email', 'sms', 'voice']),
  supportAddress: z.string().nullable().default(null),
})

export type AccountSettings = z.output<typeof accountSettings>

/** Settings as they are written: any part may be left out. */
export type AccountSettingsInput = z.input<typeof accountSettings>

/** The settings of a stored row; throws when they cannot be read (nobody is let in by a default). */
export const readAccountSettings = (text: string): AccountSettings =>
  accountSettings.parse(JSON.parse(text))

/** As the policy counts: in ms. */
export const lockoutRulesOf = ({ lockout }: AccountSettings): LockoutRules => ({
  limit: lockout.limit,
  windowMs: lockout.windowSeconds * 1000,
  lockMs: lockout.lockSeconds * 1000,
  maxLockMs: lockout.maxLockSeconds * 1000,
  untilUnlocked: lockout.untilUnlocked,
  strict: lockout.strict,
  consecutiveLimit: lockout.consecutiveLimit,
})
