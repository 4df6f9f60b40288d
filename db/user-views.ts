import { and, asc, count, eq, gt, inArray, isNull, or } from 'drizzle-orm'
import type { Channel } from '../policies/facts.ts'
import { foldUsername } from '../policies/names.ts'
import { contains } from './contains.ts'
import type { Reader } from './database.ts'
import { lockOf, type Lock } from './locks.ts'
import { locks } from './schema/audit.ts'
import { roles, safelistEntries, userRoles, users } from './schema/users.ts'
import type { UserRow } from './user-rows.ts'

/** Disabled, else locked, else active; a disabled and locked user needs both undone. */
export type Status = 'active' | 'locked' | 'disabled'

/** A user as an admin sees one: no hash and no secret. Times in ms since the epoch. */
export type UserView = {
  readonly id: string
  readonly accountId: string
  readonly username: string
  readonly email: string | null
  readonly emailVerified: boolean
  readonly firstName: string
  readonly lastName: string
  readonly language: string
  readonly timeZone: string
  readonly mobileNumber: string | null
  readonly mobileVerified: boolean
  readonly status: Status
  readonly enabled: boolean
  /** Locks in force, the oldest first. */
  readonly locks: readonly Lock[]
  readonly roles: readonly { readonly id: string; readonly name: string }[]
  readonly apiAccess: { readonly http: boolean; readonly smpp: boolean }
  readonly safelistSize: number
  readonly twoFactor: { readonly channel: string; readonly mode: string }
  readonly lastSignIn: { at: number; source: string | null; channel: Channel } | null
  readonly deletionRequestedAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
  readonly version: number
}

type Belongings = Pick<UserView, 'locks' | 'roles' | 'safelistSize'>

const groupBy = <T extends { readonly userId: string }>(rows: readonly T[]): Map<string, T[]> => {
  const groups = new Map<string, T[]>()
  for (const row of rows) groups.set(row.userId, [...(groups.get(row.userId) ?? []), row])
  return groups
}

/** What belongs to these users, in three queries however many they are. */
const findBelongings = async (
  reader: Reader,
  ids: readonly string[],
): Promise<(id: string) => Belongings> => {
  const isInForce = or(isNull(locks.until), gt(locks.until, reader.now()))
  const locked = await reader.queries
    .select()
    .from(locks)
    .where(and(inArray(locks.userId, [...ids]), isInForce))
    .orderBy(asc(locks.since))
  const held = await reader.queries
    .select({ userId: userRoles.userId, id: roles.id, name: roles.name })
    .from(userRoles)
    .innerJoin(roles, eq(roles.id, userRoles.roleId))
    .where(inArray(userRoles.userId, [...ids]))
    .orderBy(asc(roles.nameKey))
  const sizes = await reader.queries
    .select({ userId: safelistEntries.userId, size: count() })
    .from(safelistEntries)
    .where(inArray(safelistEntries.userId, [...ids]))
    .groupBy(safelistEntries.userId)
  const [locksOf, rolesOf, sizesOf] = [groupBy(locked), groupBy(held), groupBy(sizes)]
  return (id) => ({
    locks: (locksOf.get(id) ?? []).map(lockOf),
    roles: (rolesOf.get(id) ?? []).map((role) => ({ id: role.id, name: role.name })),
    safelistSize: sizesOf.get(id)?.[0]?.size ?? 0,
  })
}

const statusOf = (row: UserRow, isLocked: boolean): Status => {
  if (!row.enabled) return 'disabled'
  return isLocked ? 'locked' : 'active'
}

const lastSignInOf = (row: UserRow): UserView['lastSignIn'] =>
  row.lastSignInAt === null
    ? null
    : {
        at: row.lastSignInAt,
        source: row.lastSignInSource,
        channel: (row.lastSignInChannel ?? 'web') as Channel,
      }

const viewOf = (row: UserRow, belongings: Belongings): UserView => ({
  id: row.id,
  accountId: row.accountId,
  username: row.username,
  email: row.email,
  emailVerified: row.emailVerified,
  firstName: row.firstName,
  lastName: row.lastName,
  language: row.language,
  timeZone: row.timeZone,
  mobileNumber: row.mobileNumber,
  mobileVerified: row.mobileVerified,
  status: statusOf(row, belongings.locks.length > 0),
  enabled: row.enabled,
  ...belongings,
  apiAccess: { http: row.httpBasic, smpp: row.smppBasic },
  twoFactor: { channel: row.twoFactorChannel, mode: row.twoFactorMode },
  lastSignIn: lastSignInOf(row),
  deletionRequestedAt: row.deletionRequestedAt,
  createdAt: row.createdAt,
  updatedAt: row.updatedAt,
  version: row.version,
})

/** Rows as an admin sees them. */
export const viewsOf = async (
  reader: Reader,
  rows: readonly UserRow[],
): Promise<readonly UserView[]> => {
  const belongingsOf = await findBelongings(
    reader,
    rows.map(({ id }) => id),
  )
  return rows.map((row) => viewOf(row, belongingsOf(row.id)))
}

/** By a username in any spelling. */
export const findUserView = async (
  reader: Reader,
  username: string,
): Promise<UserView | undefined> => {
  const isNamed = eq(users.usernameKey, foldUsername(username))
  return (await viewsOf(reader, await reader.queries.select().from(users).where(isNamed)))[0]
}

export const findUserViewById = async (reader: Reader, id: string): Promise<UserView | undefined> =>
  (await viewsOf(reader, await reader.queries.select().from(users).where(eq(users.id, id))))[0]

/** Users in the order of their names, after the folded name `after`; of all accounts. */
export const findUserViews = async (
  reader: Reader,
  { after = '', limit, search = '' }: { after?: string; limit: number; search?: string },
): Promise<readonly UserView[]> => {
  const text = search.toLowerCase()
  const isFound =
    text === ''
      ? undefined
      : or(
          contains(users.usernameKey, text),
          contains(users.nameKey, text),
          contains(users.emailKey, text),
        )
  const rows = await reader.queries
    .select()
    .from(users)
    .where(and(gt(users.usernameKey, after), isFound))
    .orderBy(asc(users.usernameKey))
    .limit(limit)
  return viewsOf(reader, rows)
}
