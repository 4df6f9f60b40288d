import { and, asc, count, desc, eq, gt, inArray, lt, sql, type SQL } from 'drizzle-orm'
import type { Reader } from './database.ts'
import { users } from './schema/users.ts'
import { findCandidates } from './user-candidates.ts'
import { conditionOf, lastSignInKey, type UserFilter } from './user-filter.ts'
import type { UserRow } from './user-rows.ts'
import { viewsOf, type UserView } from './user-views.ts'

/** What each sort goes by. Who has no address, or never signed in, comes before all others. */
const sorts = {
  name: { key: sql`${users.nameKey}`, of: (row: UserRow) => row.nameKey },
  username: { key: sql`${users.usernameKey}`, of: (row: UserRow) => row.usernameKey },
  email: { key: sql`coalesce(${users.emailKey}, '')`, of: (row: UserRow) => row.emailKey ?? '' },
  lastSignIn: {
    key: lastSignInKey,
    of: (row: UserRow) => row.lastSignInAt ?? 0,
  },
  createdAt: { key: sql`${users.createdAt}`, of: (row: UserRow) => row.createdAt },
} as const satisfies Record<string, { key: SQL; of: (row: UserRow) => string | number }>

export type UserSort = keyof typeof sorts

/** Where the page before ended. */
export type UserPosition = { readonly key: string | number; readonly id: string }

export type UserPage = {
  readonly accountId: string
  readonly filter: UserFilter
  readonly sort: UserSort
  readonly descending: boolean
  readonly after?: UserPosition | undefined
  readonly limit: number
}

/** What a filter shows, narrowed to its candidates if they are few. */
const shownBy = async (
  reader: Reader,
  { accountId, filter, sort }: Pick<UserPage, 'accountId' | 'filter' | 'sort'>,
) => {
  const ids = await findCandidates(reader, accountId, filter)
  return {
    condition: and(
      conditionOf(reader, accountId, filter, sort === 'lastSignIn'),
      ids && inArray(users.id, [...ids]),
    ),
    isFew: ids !== undefined,
  }
}

/** The same value as no index has it: a few rows are sorted, and not looked for in the order of all. */
const withoutIndex = (key: SQL, sort: UserSort): SQL =>
  sort === 'lastSignIn' || sort === 'createdAt' ? sql`${key} + 0` : sql`${key} || ''`

/**
 * What stands behind a position: first the rest of those that are equal in what is sorted by, then
 * those beyond. As one condition it would not be answered from an index.
 */
const behind = (key: SQL, { descending, after }: UserPage): readonly (SQL | undefined)[] => {
  if (after === undefined) return [undefined]
  const beyond = descending ? lt : gt
  return [and(eq(key, after.key), beyond(users.id, after.id)), beyond(key, after.key)]
}

/** One page of an account's users, and where the next one begins (keyset, so any page costs alike). */
export const findUserPage = async (
  reader: Reader,
  page: UserPage,
): Promise<{ readonly views: readonly UserView[]; readonly next: UserPosition | undefined }> => {
  const { sort, descending, limit } = page
  const { key, of } = sorts[sort]
  const order = descending ? desc : asc
  const { condition, isFew } = await shownBy(reader, page)
  const by = isFew ? withoutIndex(key, sort) : key
  const rows: UserRow[] = []
  for (const isBehind of behind(key, page)) {
    if (rows.length > limit) break
    const more = await reader.queries
      .select()
      .from(users)
      .where(and(condition, isBehind))
      .orderBy(order(by), order(users.id))
      .limit(limit + 1 - rows.length)
    rows.push(...more)
  }
  const onPage = rows.slice(0, limit)
  const last = rows.length > limit ? onPage.at(-1) : undefined
  return {
    views: await viewsOf(reader, onPage),
    next: last && { key: of(last), id: last.id },
  }
}

/** How many users a filter shows. */
export const countUsersOf = async (
  reader: Reader,
  accountId: string,
  filter: UserFilter,
): Promise<number> => {
  const { condition } = await shownBy(reader, { accountId, filter, sort: 'lastSignIn' })
  return (
    (await reader.queries.select({ users: count() }).from(users).where(condition))[0]?.users ?? 0
  )
}
