import { z } from 'zod'
import type { LockoutRules } from '../policies/lockout.ts'

const whole = (least: number, most: number, fallback: number) =>
  z.int().min(least).max(most).default(fallback)

const day = 86_400

/** What an account's admins may set, with its defaults; what is not written down has its default. */
export const accountSettings = z.strictObject({
  lockout: z
    .strictObject({
      limit: whole(1, 100, 5),
      windowSeconds: whole(1, 30 * day, 900),
      lockSeconds: whole(1, 30 * day, 900),
      maxLockSeconds: whole(1, 365 * day, day),
      untilUnlocked: z.boolean().default(false),
      strict: z.boolean().default(false),
      consecutiveLimit: whole(1, 10_000, 100),
    })
    .prefault({}),
  passwords: z.strictObject({ minLength: whole(8, 128, 12) }).prefault({}),
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
