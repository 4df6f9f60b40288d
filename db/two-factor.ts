import { and, count, eq, isNotNull } from 'drizzle-orm'
import type { Fault } from '../policies/faults.ts'
import type { AccountSettings } from './account-settings.ts'
import { findAccount } from './accounts.ts'
import type { Reader, Transaction } from './database.ts'
import type { Actor } from './record.ts'
import { authenticators } from './schema/credentials.ts'
import { changeUser } from './user-changes.ts'
import { findUserOf, type UserRow } from './user-rows.ts'

export type TwoFactorChannel = 'email' | 'sms' | 'voice' | 'totp'

/** Asked for on a browser that is not remembered, or each time. */
export type TwoFactorMode = 'remembered' | 'always'

/** How many devices of a user answer challenges: confirmed ones (U10). */
export const countAuthenticators = async (reader: Reader, userId: string): Promise<number> =>
  (
    await reader.queries
      .select({ devices: count() })
      .from(authenticators)
      .where(and(eq(authenticators.userId, userId), isNotNull(authenticators.confirmedAt)))
  )[0]?.devices ?? 0

const channelFault = (
  channel: TwoFactorChannel,
  {
    user,
    settings,
    devices,
  }: {
    readonly user: UserRow
    readonly settings: AccountSettings
    readonly devices: number
  },
): string | undefined => {
  if (channel === 'totp') return devices > 0 ? undefined : 'needs a registered device'
  if (!settings.channels.includes(channel)) return 'is not offered in this account'
  if (channel === 'email') return user.email === null ? 'needs an e-mail address' : undefined
  return user.mobileNumber !== null && user.mobileVerified
    ? undefined
    : 'needs a verified mobile number'
}

/** Chooses where PINs go, among what the account offers and the user has verified (U11). */
export const setTwoFactor = async (
  tx: Transaction,
  {
    actor,
    accountId,
    userId,
    channel,
    mode,
    version,
  }: {
    readonly actor: Actor
    readonly accountId: string
    readonly userId: string
    readonly channel: TwoFactorChannel
    readonly mode: TwoFactorMode
    readonly version?: number | undefined
  },
): Promise<
  UserRow | { readonly faults: readonly Fault[] } | { readonly refused: 'user-unknown' | 'stale' }
> => {
  const user = await findUserOf(tx, accountId, userId)
  const account = user && (await findAccount(tx, accountId))
  if (user === undefined || account === undefined) return { refused: 'user-unknown' }
  if (version !== undefined && version !== user.version) return { refused: 'stale' }
  const isSameChannel = user.twoFactorChannel === channel
  if (isSameChannel && user.twoFactorMode === mode) return user
  const devices = await countAuthenticators(tx, userId)
  const message = isSameChannel
    ? undefined
    : channelFault(channel, { user, settings: account.settings, devices })
  if (message !== undefined) return { faults: [{ path: 'channel', message }] }
  return changeUser(tx, {
    actor,
    user,
    kind: 'two-factor',
    action: 'user.two-factor-changed',
    set: { twoFactorChannel: channel, twoFactorMode: mode },
  })
}
