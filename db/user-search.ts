import { and, asc, count, desc, eq, gt, inArray, lt, sql, type SQL } from 'drizzle-orm'
import type { Reader } from './database.ts'
import { users } from './schema/users.ts'
import { findCandidates } from './user-candidates.ts'
import { conditionOf, lastSignInKey, type UserFilter } from './user-filter.ts'
import type { UserRow } from './user-rows.ts'
import { viewsOf, type UserView } from './user-views.ts'

/** What of a row a list goes by. */
export type SortedRow = Pick<
  UserRow,
  'id' | 'nameKey' | 'usernameKey' | 'emailKey' | 'lastSignInAt' | 'createdAt'
>

/** What each sort goes by. Who has no address, or never signed in, comes before all others. */
const sorts = {
  name: { key: sql`${users.nameKey}`, of: (row: SortedRow) => row.nameKey },
  username: { key: sql`${users.usernameKey}`, of: (row: SortedRow) => row.usernameKey },
  email: { key: sql`coalesce(${users.emailKey}, '')`, of: (row: SortedRow) => row.emailKey ?? '' },
  lastSignIn: {
    key: lastSignInKey,
    of: (row: SortedRow) => row.lastSignInAt ?? 0,
  },
  createdAt: { key: sql`${users.createdAt}`, of: (row: SortedRow) => row.createdAt },
} as const satisfies Record<string, { key: SQL; of: (row: SortedRow) => string | number }>

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
const behind = (
  key: SQL,
  { descending, after }: Pick<UserPage, 'descending' | 'after'>,
): readonly (SQL | undefined)[] => {
  if (after === undefined) return [undefined]
  const beyond = descending ? lt : gt
  return [and(eq(key, after.key), beyond(users.id, after.id)), beyond(key, after.key)]
}

/** Which rows, in which order, and how many at most. */
export type RowsWanted = {
  readonly where: SQL | undefined
  readonly orderBy: readonly SQL[]
  readonly limit: number
}

/** Reads pages of what a filter shows, where the page before ended; `read` says which columns. */
export const createPages = async <Row extends SortedRow>(
  reader: Reader,
  list: Omit<UserPage, 'after' | 'limit'>,
  read: (wanted: RowsWanted) => PromiseLike<Row[]>,
) => {
  const { sort, descending } = list
  const { key, of } = sorts[sort]
  const order = descending ? desc : asc
  const { condition, isFew } = await shownBy(reader, list)
  const orderBy = [order(isFew ? withoutIndex(key, sort) : key), order(users.id)]
  return async (after: UserPosition | undefined, limit: number) => {
    const rows: Row[] = []
    for (const isBehind of behind(key, { descending, after })) {
      if (rows.length > limit) break
      const where = and(condition, isBehind)
      rows.push(...(await read({ where, orderBy, limit: limit + 1 - rows.length })))
    }
    const onPage = rows.slice(0, limit)
    const last = rows.length > limit ? onPage.at(-1) : undefined
    return { rows: onPage, next: last && { key: of(last), id: last.id } }
  }
}

/** One page of an account's users, and where the next one begins (keyset, so any page costs alike). */
export const findUserPage = async (
  reader: Reader,
  { after, limit, ...list }: UserPage,
): Promise<{ readonly views: readonly UserView[]; readonly next: UserPosition | undefined }> => {
  const pages = await createPages(reader, list, ({ where, orderBy, limit }) =>
    reader.queries
      .select()
      .from(users)
      .where(where)
      .orderBy(...orderBy)
      .limit(limit),
  )
  const { rows, next } = await pages(after, limit)
  return { views: await viewsOf(reader, rows), next }
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
