import { and, eq, exists, gt, gte, isNull, lt, not, or, sql, type SQL } from 'drizzle-orm'
import type { Reader } from './database.ts'
import { locks } from './schema/audit.ts'
import { roles, userRoles, users } from './schema/users.ts'
import type { Status } from './user-views.ts'

/** What a list of users is narrowed to; what is absent does not matter. Times in ms since the epoch. */
export type UserFilter = {
  /** Part of a name, username or e-mail address, in any case. */
  readonly search?: string | undefined
  readonly status?: Status | undefined
  /** The id of a role, or its predefined id. */
  readonly role?: string | undefined
  readonly locked?: boolean | undefined
  readonly httpBasic?: boolean | undefined
  readonly smppBasic?: boolean | undefined
  readonly lastSignInBefore?: number | undefined
  readonly lastSignInAfter?: number | undefined
}

/** What the index of last sign-ins goes by. */
export const lastSignInKey = sql`coalesce(${users.lastSignInAt}, 0)`

/** Whether a lock is in force. */
export const isInForce = (reader: Reader): SQL | undefined =>
  or(isNull(locks.until), gt(locks.until, reader.now()))

/** Whether a user has a lock in force. */
export const isLocked = (reader: Reader): SQL =>
  exists(
    reader.queries
      .select({ id: locks.id })
      .from(locks)
      .where(and(eq(locks.userId, users.id), isInForce(reader))),
  )

const hasRole = (reader: Reader, role: string): SQL =>
  exists(
    reader.queries
      .select({ id: roles.id })
      .from(userRoles)
      .innerJoin(roles, eq(roles.id, userRoles.roleId))
      .where(
        and(eq(userRoles.userId, users.id), or(eq(roles.id, role), eq(roles.predefined, role))),
      ),
  )

/** What is searched, one thing a line, so that no part reaches from one into the next. */
const searched = (lineFeed: SQL) =>
  sql`(${users.usernameKey} || ${lineFeed} || ${users.nameKey} || ${lineFeed} || coalesce(${users.emailKey}, ''))`

/** Part of a name, by reading it; PostgreSQL has an index of trigrams for this very expression. */
export const isFound = ({ dialect }: Reader, search: string): SQL => {
  // What `like` would read otherwise is written out.
  const pattern = `%${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  const lineFeed = dialect === 'postgres' ? sql`chr(10)` : sql`char(10)`
  return sql`${searched(lineFeed)} like ${pattern} escape '\\'`
}

/** Whether the last sign-in was in this span; who never signed in did so at 0. */
export const signedInWithin = (
  { lastSignInBefore: before, lastSignInAfter: after }: UserFilter,
  key: SQL = lastSignInKey,
): SQL | undefined =>
  and(
    before === undefined ? undefined : lt(key, before),
    after === undefined ? undefined : gte(key, after),
  )

const hasStatus = (reader: Reader, status: Status): SQL | undefined => {
  if (status === 'disabled') return eq(users.enabled, false)
  const locked = isLocked(reader)
  return and(eq(users.enabled, true), status === 'locked' ? locked : not(locked))
}

/**
 * All that a filter says, of the users of one account. The span of sign-ins is not looked up in its
 * index unless the list goes by it: the order of the list is what is read.
 */
export const conditionOf = (
  reader: Reader,
  accountId: string,
  filter: UserFilter,
  isBySignIn: boolean,
): SQL | undefined => {
  const { search = '', status, role, locked, httpBasic, smppBasic } = filter
  return and(
    eq(users.accountId, accountId),
    search === '' ? undefined : isFound(reader, search),
    status && hasStatus(reader, status),
    role === undefined ? undefined : hasRole(reader, role),
    locked === undefined ? undefined : locked ? isLocked(reader) : not(isLocked(reader)),
    httpBasic === undefined ? undefined : eq(users.httpBasic, httpBasic),
    smppBasic === undefined ? undefined : eq(users.smppBasic, smppBasic),
    signedInWithin(filter, isBySignIn ? lastSignInKey : sql`${lastSignInKey} + 0`),
  )
}
