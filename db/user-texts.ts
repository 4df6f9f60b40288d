import { and, asc, desc, eq, inArray, sql, type SQL } from 'drizzle-orm'
import type { Reader } from './database.ts'
import { users } from './schema/users.ts'
import { conditionOf, type UserFilter } from './user-filter.ts'
import { behind, sorts, withoutIndex, type UserPage, type UserPosition } from './user-order.ts'
import type { UserRow } from './user-rows.ts'

/** So many are sorted sooner than they are met in the order of the list. */
const fewEnough = 20_000

/** How far the list is read in its order before all texts are asked. */
const glanced = 4_000

const rest = sql`substr(t.text, instr(t.text, char(10)) + 1)`

/** What a text holds, a line each; it is all that these sorts go by. */
const keys = {
  username: sql`substr(t.text, 1, instr(t.text, char(10)) - 1)`,
  name: sql`substr(${rest}, 1, instr(${rest}, char(10)) - 1)`,
  email: sql`substr(${rest}, instr(${rest}, char(10)) + 1)`,
} as const

type TextSort = keyof typeof keys

type TextPage = UserPage & { readonly sort: TextSort }

/** Whether the texts of users themselves say who comes where. */
const isSortedByText = (page: UserPage): page is TextPage => page.sort in keys

const textOf = ({ search = '' }: UserFilter): string => search.toLowerCase()

/** Whether a search is answered from the texts that SQLite keeps of users. */
export const isByText = ({ dialect }: Reader, filter: UserFilter): boolean =>
  dialect === 'sqlite' && textOf(filter) !== ''

const hasOtherParts = (filter: UserFilter): boolean =>
  Object.entries(filter).some(([name, value]) => name !== 'search' && value !== undefined)

/** There are no trigrams of less than three characters: all texts are read then. */
const hasTrigrams = (filter: UserFilter): boolean => Array.from(textOf(filter)).length >= 3

const matching = (filter: UserFilter): SQL =>
  hasTrigrams(filter)
    ? sql`user_search s cross join user_texts t on t.id = s.rowid
        where s.user_search match ${`"${textOf(filter).replaceAll('"', '""')}"`}`
    : sql`user_texts t where instr(t.text, ${textOf(filter)}) > 0`

/** Users whom a search finds, of all accounts. */
export const isMatched = (filter: UserFilter): SQL =>
  sql`${users.id} in (select t.user_id from ${matching(filter)})`

const areFew = async (reader: Reader, filter: UserFilter): Promise<boolean> => {
  const [found] = await reader.queries
    .select({ hits: sql<number>`count(*)` })
    .from(sql`(select 1 from ${matching(filter)} limit ${fewEnough + 1}) as hits`)
  return (found?.hits ?? 0) <= fewEnough
}

/** Those who match, behind a position and of all accounts, with nothing read but their texts. */
const findMatches = (
  reader: Reader,
  page: TextPage,
  after: UserPosition | undefined,
  limit: number,
): PromiseLike<readonly UserPosition[]> => {
  const [key, id] = [sql<string>`matched.key`, sql<string>`matched.user_id`]
  const [order, beyond] = page.descending ? [desc, sql`<`] : [asc, sql`>`]
  return reader.queries
    .select({ key, id })
    .from(
      sql`(select ${keys[page.sort]} as key, t.user_id as user_id from ${matching(page.filter)}) as matched`,
    )
    .where(after && sql`(${key}, ${id}) ${beyond} (${after.key}, ${after.id})`)
    .orderBy(order(key), order(id))
    .limit(limit)
}

const ordered = ({ sort, descending }: UserPage, isFew: boolean): readonly SQL[] => {
  const order = descending ? desc : asc
  const { key } = sorts[sort]
  return [order(isFew ? withoutIndex(key, sort) : key), order(users.id)]
}

/** The rows of these users that the filter shows. */
const findShown = (
  reader: Reader,
  page: UserPage,
  among: SQL | undefined,
  limit: number,
): PromiseLike<UserRow[]> =>
  reader.queries
    .select()
    .from(users)
    .where(and(conditionOf(reader, page.accountId, page.filter, false), among))
    .orderBy(...ordered(page, true))
    .limit(limit)

/** The page, if the next of the list in its order fill it. */
const glance = async (reader: Reader, page: TextPage): Promise<UserRow[]> => {
  const rows: UserRow[] = []
  for (const isBehind of behind(sorts[page.sort].key, page)) {
    const next = reader.queries
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.accountId, page.accountId), isBehind))
      .orderBy(...ordered(page, false))
      .limit(glanced)
    rows.push(...(await findShown(reader, page, inArray(users.id, next), page.limit)))
    if (rows.length >= page.limit) break
  }
  return rows.slice(0, page.limit)
}

/** The page of all whom the search finds, sorted for it. */
const findAmongAll = (reader: Reader, page: UserPage): PromiseLike<UserRow[]> => {
  const { sort, descending, after, filter } = page
  const beyond = descending ? sql`<` : sql`>`
  const key = withoutIndex(sorts[sort].key, sort)
  const isBehind = after && sql`(${key}, ${users.id}) ${beyond} (${after.key}, ${after.id})`
  return findShown(reader, page, and(isMatched(filter), isBehind), page.limit)
}

/** The page of those who match in the order of their texts, some at a time. */
const findInOrder = async (reader: Reader, page: TextPage): Promise<UserRow[]> => {
  const rows: UserRow[] = []
  let after = page.after
  for (let batch = page.limit * 2; ; batch = Math.min(batch * 8, fewEnough)) {
    const matches = await findMatches(reader, page, after, batch)
    const among = inArray(
      users.id,
      matches.map(({ id }) => id),
    )
    rows.push(...(await findShown(reader, page, among, page.limit - rows.length)))
    after = matches.at(-1)
    if (rows.length >= page.limit || matches.length < batch) return rows
  }
}

/**
 * The first `limit` users of a page whom a search finds. They may all come late in the list, and to
 * read that far takes seconds: few are sorted by themselves, and many found in their texts, for
 * sorts that those hold. Undefined when neither will do: then the list is read in its order.
 */
export const findRowsByText = async (
  reader: Reader,
  page: UserPage,
): Promise<UserRow[] | undefined> => {
  const { filter } = page
  if (!isSortedByText(page))
    return (await areFew(reader, filter)) ? findAmongAll(reader, page) : undefined
  if (!hasTrigrams(filter) || !(await areFew(reader, filter))) {
    const rows = await glance(reader, page)
    if (rows.length >= page.limit) return rows
  } else if (hasOtherParts(filter)) return findAmongAll(reader, page)
  return findInOrder(reader, page)
}
