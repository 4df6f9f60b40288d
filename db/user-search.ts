import { and, asc, count, desc, inArray, type SQL } from 'drizzle-orm'
import type { Reader } from './database.ts'
import { users } from './schema/users.ts'
import { findCandidates } from './user-candidates.ts'
import { conditionOf, type UserFilter } from './user-filter.ts'
import {
  behind,
  sorts,
  withoutIndex,
  type SortedRow,
  type UserPage,
  type UserPosition,
} from './user-order.ts'
import type { UserRow } from './user-rows.ts'
import { findRowsByText, isByText, isMatched } from './user-texts.ts'
import { viewsOf, type UserView } from './user-views.ts'

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

type Shown = Awaited<ReturnType<typeof shownBy>>

/** Which rows, in which order, and how many at most. */
export type RowsWanted = {
  readonly where: SQL | undefined
  readonly orderBy: readonly SQL[]
  readonly limit: number
}

type Read<Row> = (wanted: RowsWanted) => PromiseLike<Row[]>

/** The first rows of a page, in the order of the list. */
const readRows = async <Row>(
  { condition, isFew }: Shown,
  { sort, limit, ...page }: UserPage,
  read: Read<Row>,
): Promise<readonly Row[]> => {
  const { key } = sorts[sort]
  const order = page.descending ? desc : asc
  const orderBy = [order(isFew ? withoutIndex(key, sort) : key), order(users.id)]
  const rows: Row[] = []
  for (const isBehind of behind(key, page)) {
    if (rows.length >= limit) break
    const where = and(condition, isBehind)
    rows.push(...(await read({ where, orderBy, limit: limit - rows.length })))
  }
  return rows
}

/** Rows of which there is one more than the page shows, if there is a next one. */
const pageOf = <Row extends SortedRow>(
  rows: readonly Row[],
  { sort, limit }: Pick<UserPage, 'sort' | 'limit'>,
) => {
  const onPage = rows.slice(0, limit)
  const last = rows.length > limit ? onPage.at(-1) : undefined
  return { rows: onPage, next: last && { key: sorts[sort].of(last), id: last.id } }
}

/** All that a list shows, so many rows at a time; `read` says which columns. */
export const streamRows = async function* <Row extends SortedRow>(
  reader: Reader,
  list: Omit<UserPage, 'after'>,
  read: Read<Row>,
): AsyncGenerator<readonly Row[]> {
  const shown = await shownBy(reader, list)
  let after: UserPosition | undefined
  do {
    const found = await readRows(shown, { ...list, after, limit: list.limit + 1 }, read)
    const { rows, next } = pageOf(found, list)
    yield rows
    after = next
  } while (after !== undefined)
}

const findRows = async (reader: Reader, page: UserPage): Promise<readonly UserRow[]> => {
  const shown = await shownBy(reader, page)
  const isSearched = !shown.isFew && isByText(reader, page.filter)
  const found = isSearched ? await findRowsByText(reader, page) : undefined
  if (found !== undefined) return found
  return readRows(shown, page, ({ where, orderBy, limit }) =>
    reader.queries
      .select()
      .from(users)
      .where(where)
      .orderBy(...orderBy)
      .limit(limit),
  )
}

/** One page of an account's users, and where the next one begins (keyset, so any page costs alike). */
export const findUserPage = async (
  reader: Reader,
  page: UserPage,
): Promise<{ readonly views: readonly UserView[]; readonly next: UserPosition | undefined }> => {
  const { rows, next } = pageOf(await findRows(reader, { ...page, limit: page.limit + 1 }), page)
  return { views: await viewsOf(reader, rows), next }
}

/** How many users a filter shows. */
export const countUsersOf = async (
  reader: Reader,
  accountId: string,
  filter: UserFilter,
): Promise<number> => {
  const condition = isByText(reader, filter)
    ? and(
        conditionOf(reader, accountId, { ...filter, search: undefined }, false),
        isMatched(filter),
      )
    : (await shownBy(reader, { accountId, filter, sort: 'lastSignIn' })).condition
  const [found] = await reader.queries.select({ users: count() }).from(users).where(condition)
  return found?.users ?? 0
}
