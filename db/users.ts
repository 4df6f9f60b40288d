import { and, count, eq, isNull, lte, or } from 'drizzle-orm'
import type { Channel } from '../policies/facts.ts'
import type { Fault } from '../policies/faults.ts'
import { foldEmail, foldUsername, parseUsername } from '../policies/names.ts'
import type { WrittenEntry } from '../policies/safelist.ts'
import { isLastAdmin } from './admins.ts'
import type { Reader, Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { addGrants, findRoles } from './roles.ts'
import { addEntries, readEntries } from './safelists.ts'
import { users } from './schema/users.ts'
import { changeUser } from './user-changes.ts'
import { emailFaults, isEmailTaken, mobileFaults, nameKeyOf } from './user-profile.ts'
import { findUser, findUserByName, type UserRow } from './user-rows.ts'

export type NewUser = {
  readonly actor: Actor
  readonly accountId: string
  readonly username: string
  readonly email?: string | undefined
  readonly firstName?: string | undefined
  readonly lastName?: string | undefined
  readonly language?: string | undefined
  readonly timeZone?: string | undefined
  readonly mobileNumber?: string | undefined
  readonly enabled?: boolean | undefined
  readonly passwordHash?: string | undefined
  readonly smppPasswordHash?: string | undefined
  /** Ids of roles of the account, or of predefined ones (`account-admin`). */
  readonly roles?: readonly string[] | undefined
  readonly safelist?: readonly WrittenEntry[] | undefined
  readonly apiAccess?: { readonly http: boolean; readonly smpp: boolean } | undefined
}

export type NotCreated =
  | { readonly refused: 'username-taken' | 'email-taken' | 'role-unknown' }
  | { readonly faults: readonly Fault[] }

/** How many users there are, over all accounts. */
export const countUsers = async (reader: Reader): Promise<number> =>
  (await reader.queries.select({ users: count() }).from(users))[0]?.users ?? 0

const isTaken = async (
  tx: Transaction,
  { accountId, username, email }: NewUser,
): Promise<'username-taken' | 'email-taken' | undefined> => {
  if ((await findUserByName(tx, username)) !== undefined) return 'username-taken'
  if (email === undefined) return undefined
  return (await isEmailTaken(tx, { accountId, email })) ? 'email-taken' : undefined
}

const rowOf = (user: NewUser, id: string, now: number) => ({
  id,
  accountId: user.accountId,
  username: user.username,
  usernameKey: foldUsername(user.username),
  email: user.email ?? null,
  emailKey: user.email === undefined ? null : foldEmail(user.email),
  firstName: user.firstName ?? '',
  lastName: user.lastName ?? '',
  nameKey: nameKeyOf(user.firstName ?? '', user.lastName ?? ''),
  language: user.language ?? 'en',
  timeZone: user.timeZone ?? 'UTC',
  mobileNumber: user.mobileNumber ?? null,
  enabled: user.enabled ?? true,
  passwordHash: user.passwordHash ?? null,
  passwordChangedAt: user.passwordHash === undefined ? null : now,
  smppPasswordHash: user.smppPasswordHash ?? null,
  httpBasic: user.apiAccess?.http ?? false,
  smppBasic: user.apiAccess?.smpp ?? false,
  createdAt: now,
  updatedAt: now,
})

/** Read here too, since SQLite's own checks look no further than to the first NUL. */
const faultsOfNames = ({ username, email, mobileNumber }: NewUser): readonly Fault[] => {
  const faults: Fault[] = []
  if (parseUsername(username) === undefined) {
    const message = 'takes 3 to 64 printable ASCII characters without space and colon'
    faults.push({ path: 'username', message })
  }
  return [...faults, ...emailFaults(email), ...mobileFaults(mobileNumber)]
}

/** A new user with roles, safelist and protocol switches; names all faults at once. */
export const createUser = async (tx: Transaction, user: NewUser): Promise<UserRow | NotCreated> => {
  const { actor, accountId, username } = user
  const { ranges, faults: ofList } = readEntries(user.safelist ?? [])
  const faults = [...faultsOfNames(user), ...ofList]
  if (faults.length > 0) return { faults }
  const refused = await isTaken(tx, user)
  if (refused !== undefined) return { refused }
  const granted = await findRoles(tx, accountId, user.roles ?? [])
  if (granted === undefined) return { refused: 'role-unknown' }
  const [row] = await tx.queries
    .insert(users)
    .values(rowOf(user, tx.newId(), tx.now()))
    .returning()
  if (row === undefined) throw new Error('the new user was not written')
  await addGrants(tx, { actor, userId: row.id, roleIds: granted.map(({ id }) => id) })
  await addEntries(tx, row.id, ranges)
  await recordChange(tx, {
    actor,
    kind: 'user',
    action: 'user.created',
    accountId,
    user: row,
    after: {
      username,
      email: row.email,
      enabled: row.enabled,
      roles: granted.map(({ name }) => name),
      safelist: ranges.map(({ range }) => range.text),
      apiAccess: { http: row.httpBasic, smpp: row.smppBasic },
    },
  })
  return row
}

/** Whether there is any user, over all accounts. */
export const hasUsers = async (reader: Reader): Promise<boolean> =>
  (await reader.queries.select({ id: users.id }).from(users).limit(1)).length > 0

/**
 * Enables or disables a user (U4). Nobody disables their own account, and an account keeps an
 * active Account admin (U5).
 */
export const setUserEnabled = async (
  tx: Transaction,
  { actor, userId, enabled }: { actor: Actor; userId: string; enabled: boolean },
): Promise<UserRow | { readonly refused: 'user-unknown' | 'own-account' | 'last-admin' }> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  if (!enabled && actor.userId === userId) return { refused: 'own-account' }
  if (!enabled && (await isLastAdmin(tx, user))) return { refused: 'last-admin' }
  if (user.enabled === enabled) return user
  return changeUser(tx, {
    actor,
    user,
    kind: 'enabled',
    action: enabled ? 'user.enabled' : 'user.disabled',
    set: { enabled },
  })
}

/** Allows basic credentials on a protocol, or refuses them (U12). */
export const setApiAccess = async (
  tx: Transaction,
  { actor, userId, http, smpp }: { actor: Actor; userId: string; http: boolean; smpp: boolean },
): Promise<UserRow | { readonly refused: 'user-unknown' }> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  if (user.httpBasic === http && user.smppBasic === smpp) return user
  return changeUser(tx, {
    actor,
    user,
    kind: 'api-access',
    action: 'user.api-access-changed',
    set: { httpBasic: http, smppBasic: smpp },
  })
}

/**
 * When and from where a user was last let in, unless a later time is known; neither news nor audit
 * (the sign-in itself is).
 */
export const recordSignIn = async (
  tx: Transaction,
  { userId, at, source, channel }: { userId: string; at: number; source: string; channel: Channel },
): Promise<void> => {
  await tx.queries
    .update(users)
    .set({ lastSignInAt: at, lastSignInSource: source, lastSignInChannel: channel })
    .where(and(eq(users.id, userId), or(isNull(users.lastSignInAt), lte(users.lastSignInAt, at))))
}

/** Limits of a user's binds; null: as the account says, or none. */
export const setSmppLimits = async (
  tx: Transaction,
  {
    actor,
    userId,
    ...limits
  }: {
    readonly actor: Actor
    readonly userId: string
    readonly bindLimit: number | null
    readonly bindTypes: readonly ('transmitter' | 'receiver' | 'transceiver')[] | null
    readonly submitRate: number | null
  },
): Promise<UserRow | { readonly refused: 'user-unknown' }> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const action = 'user.smpp-limits-changed'
  return changeUser(tx, { actor, user, kind: 'api-access', action, set: limits })
}
