import {
  and,
  asc,
  count,
  desc,
  eq,
  exists,
  gt,
  gte,
  isNull,
  lt,
  not,
  or,
  sql,
  type SQL,
} from 'drizzle-orm'
import type { Reader } from './database.ts'
import { locks } from './schema/audit.ts'
import { roles, userRoles, users } from './schema/users.ts'
import type { UserRow } from './user-rows.ts'
import { viewsOf, type Status, type UserView } from './user-views.ts'

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

/** What each sort goes by. Who has no address, or never signed in, comes before all others. */
const sorts = {
  name: { key: sql`${users.nameKey}`, of: (row: UserRow) => row.nameKey },
  username: { key: sql`${users.usernameKey}`, of: (row: UserRow) => row.usernameKey },
  email: { key: sql`coalesce(${users.emailKey}, '')`, of: (row: UserRow) => row.emailKey ?? '' },
  lastSignIn: {
    key: sql`coalesce(${users.lastSignInAt}, 0)`,
    of: (row: UserRow) => row.lastSignInAt ?? 0,
  },
  createdAt: { key: sql`${users.createdAt}`, of: (row: UserRow) => row.createdAt },
} as const satisfies Record<string, { key: SQL; of: (row: UserRow) => string | number }>

export type UserSort = keyof typeof sorts

/** Where the page before ended. */
export type UserPosition = { readonly key: string | number; readonly id: string }

const isLocked = (reader: Reader): SQL =>
  exists(
    reader.queries
      .select({ id: locks.id })
      .from(locks)
      .where(
        and(eq(locks.userId, users.id), or(isNull(locks.until), gt(locks.until, reader.now()))),
      ),
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

/** By reading it; PostgreSQL has an index of trigrams for this very expression. */
const isLike = (dialect: Reader['dialect'], part: string): SQL => {
  // What `like` would read otherwise is written out.
  const pattern = `%${part.replace(/[\\%_]/g, '\\$&')}%`
  const lineFeed = dialect === 'postgres' ? sql`chr(10)` : sql`char(10)`
  return sql`${searched(lineFeed)} like ${pattern} escape '\\'`
}

/** By SQLite's index of trigrams, which has none shorter than three characters. */
const isMatched = (part: string): SQL => {
  const phrase = `"${part.replaceAll('"', '""')}"`
  return sql`${users.id} in (select user_id from user_texts where id in
    (select rowid from user_search where user_search match ${phrase}))`
}

const isFound = ({ dialect }: Reader, search: string): SQL => {
  const part = search.toLowerCase()
  return dialect === 'sqlite' && Array.from(part).length >= 3
    ? isMatched(part)
    : isLike(dialect, part)
}

const hasStatus = (reader: Reader, status: Status): SQL | undefined => {
  if (status === 'disabled') return eq(users.enabled, false)
  const locked = isLocked(reader)
  return and(eq(users.enabled, true), status === 'locked' ? locked : not(locked))
}

const conditionOf = (reader: Reader, accountId: string, filter: UserFilter): SQL | undefined => {
  const { search = '', status, role, locked, httpBasic, smppBasic } = filter
  const { lastSignInBefore: before, lastSignInAfter: after } = filter
  const isSignedInBefore = (at: number) => lt(sorts.lastSignIn.key, at)
  return and(
    eq(users.accountId, accountId),
    search === '' ? undefined : isFound(reader, search),
    status && hasStatus(reader, status),
    role === undefined ? undefined : hasRole(reader, role),
    locked === undefined ? undefined : locked ? isLocked(reader) : not(isLocked(reader)),
    httpBasic === undefined ? undefined : eq(users.httpBasic, httpBasic),
    smppBasic === undefined ? undefined : eq(users.smppBasic, smppBasic),
    before === undefined ? undefined : isSignedInBefore(before),
    after === undefined ? undefined : gte(sorts.lastSignIn.key, after),
  )
}

export type UserPage = {
  readonly accountId: string
  readonly filter: UserFilter
  readonly sort: UserSort
  readonly descending: boolean
  readonly after?: UserPosition | undefined
  readonly limit: number
}

/** One page of an account's users, and where the next one begins (keyset, so any page costs alike). */
export const findUserPage = async (
  reader: Reader,
  { accountId, filter, sort, descending, after, limit }: UserPage,
): Promise<{ readonly views: readonly UserView[]; readonly next: UserPosition | undefined }> => {
  const { key, of } = sorts[sort]
  const order = descending ? desc : asc
  const beyond = descending ? sql`<` : sql`>`
  const isBehind = after && sql`(${key}, ${users.id}) ${beyond} (${after.key}, ${after.id})`
  const rows = await reader.queries
    .select()
    .from(users)
    .where(and(conditionOf(reader, accountId, filter), isBehind))
    .orderBy(order(key), order(users.id))
    .limit(limit + 1)
  const shown = rows.slice(0, limit)
  const last = rows.length > limit ? shown.at(-1) : undefined
  return {
    views: await viewsOf(reader, shown),
    next: last && { key: of(last), id: last.id },
  }
}

/** How many users a filter shows. */
export const countUsersOf = async (
  reader: Reader,
  accountId: string,
  filter: UserFilter,
): Promise<number> => {
  const condition = conditionOf(reader, accountId, filter)
  return (
    (await reader.queries.select({ users: count() }).from(users).where(condition))[0]?.users ?? 0
  )
}
