import { and, asc, count, eq, gt } from 'drizzle-orm'
import type { Reader, Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { authenticators, devices } from './schema/credentials.ts'
import { countAuthenticators } from './two-factor.ts'
import { changeUser, touchUser } from './user-changes.ts'
import { findUser, findUserOf, type UserRow } from './user-rows.ts'

/** A browser that is remembered after a second factor; no digest. Times in ms since the epoch. */
export type DeviceView = Omit<typeof devices.$inferSelect, 'digest' | 'credentialEpoch'>

/** A registered TOTP device; no seed. */
export type AuthenticatorView = Omit<typeof authenticators.$inferSelect, 'sealedSeed' | 'lastStep'>

/** A page of what is one user's, the oldest first, after the id `after`. */
export type OwnPage = {
  readonly accountId: string
  readonly userId: string
  readonly after?: string | undefined
  readonly limit: number
}

/** Browsers that are still remembered: those of before a change of password are not. */
export const findDevices = async (
  reader: Reader,
  page: OwnPage,
): Promise<readonly DeviceView[]> => {
  const user = await findUserOf(reader, page.accountId, page.userId)
  if (user === undefined) return []
  return reader.queries
    .select({
      id: devices.id,
      userId: devices.userId,
      name: devices.name,
      createdAt: devices.createdAt,
      lastUsedAt: devices.lastUsedAt,
      lastSource: devices.lastSource,
      expiresAt: devices.expiresAt,
    })
    .from(devices)
    .where(
      and(
        eq(devices.userId, user.id),
        eq(devices.credentialEpoch, user.credentialEpoch),
        gt(devices.expiresAt, reader.now()),
        gt(devices.id, page.after ?? ''),
      ),
    )
    .orderBy(asc(devices.id))
    .limit(page.limit)
}

/** TOTP devices, those that wait for their first code too. */
export const findAuthenticators = async (
  reader: Reader,
  page: OwnPage,
): Promise<readonly AuthenticatorView[]> => {
  if ((await findUserOf(reader, page.accountId, page.userId)) === undefined) return []
  return reader.queries
    .select({
      id: authenticators.id,
      userId: authenticators.userId,
      name: authenticators.name,
      confirmedAt: authenticators.confirmedAt,
      createdAt: authenticators.createdAt,
      lastUsedAt: authenticators.lastUsedAt,
    })
    .from(authenticators)
    .where(and(eq(authenticators.userId, page.userId), gt(authenticators.id, page.after ?? '')))
    .orderBy(asc(authenticators.id))
    .limit(page.limit)
}

/** How many browsers of a user are still remembered. */
export const countDevices = async (
  reader: Reader,
  { id, credentialEpoch }: Pick<UserRow, 'id' | 'credentialEpoch'>,
): Promise<number> =>
  (
    await reader.queries
      .select({ devices: count() })
      .from(devices)
      .where(
        and(
          eq(devices.userId, id),
          eq(devices.credentialEpoch, credentialEpoch),
          gt(devices.expiresAt, reader.now()),
        ),
      )
  )[0]?.devices ?? 0

/** How many TOTP devices of a user there are, those that wait for their first code too. */
export const countRegistered = async (reader: Reader, userId: string): Promise<number> =>
  (
    await reader.queries
      .select({ devices: count() })
      .from(authenticators)
      .where(eq(authenticators.userId, userId))
  )[0]?.devices ?? 0

export type OfDevice = {
  readonly actor: Actor
  readonly accountId: string
  readonly userId: string
  readonly id: string
}

export type DeviceRemoved = { readonly removed: true } | { readonly refused: 'not-found' }

/** Forgets a browser: the next sign-in from there is asked for a second factor (G7). */
export const removeDevice = async (
  tx: Transaction,
  { actor, accountId, userId, id }: OfDevice,
): Promise<DeviceRemoved> => {
  const user = await findUserOf(tx, accountId, userId)
  if (user === undefined) return { refused: 'not-found' }
  const [gone] = await tx.queries
    .delete(devices)
    .where(and(eq(devices.id, id), eq(devices.userId, userId)))
    .returning()
  if (gone === undefined) return { refused: 'not-found' }
  const before = { id, name: gone.name, lastSource: gone.lastSource }
  const action = 'device.removed'
  await recordChange(tx, { actor, kind: 'device', action, accountId, user, before })
  return { removed: true }
}

/** Removes a TOTP device; who chose such and has none left gets PINs by e-mail again. */
export const removeAuthenticator = async (
  tx: Transaction,
  { actor, accountId, userId, id }: OfDevice,
): Promise<DeviceRemoved> => {
  const user = await findUserOf(tx, accountId, userId)
  if (user === undefined) return { refused: 'not-found' }
  const [gone] = await tx.queries
    .delete(authenticators)
    .where(and(eq(authenticators.id, id), eq(authenticators.userId, userId)))
    .returning()
  if (gone === undefined) return { refused: 'not-found' }
  await touchUser(tx, user)
  const before = { id, name: gone.name }
  const action = 'authenticator.removed'
  await recordChange(tx, { actor, kind: 'two-factor', action, accountId, user, before })
  const touched = await findUser(tx, userId)
  const isLast = user.twoFactorChannel === 'totp' && (await countAuthenticators(tx, userId)) === 0
  if (touched !== undefined && isLast)
    await changeUser(tx, {
      actor,
      user: touched,
      kind: 'two-factor',
      action: 'user.two-factor-changed',
      set: { twoFactorChannel: 'email' },
    })
  return { removed: true }
}
