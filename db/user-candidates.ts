import { and, eq, inArray, or, sql } from 'drizzle-orm'
import type { Reader } from './database.ts'
import { locks } from './schema/audit.ts'
import { roles, userRoles, users } from './schema/users.ts'
import { isFound, isInForce, signedInWithin, type UserFilter } from './user-filter.ts'

/** More than these are not sorted: there are enough for the next page to be met soon. */
const most = 3000

type Ids = Promise<readonly { readonly id: string }[]>

/** By the index of trigrams, of all accounts. */
const matching = (reader: Reader, search: string): Ids => {
  const phrase = `"${search.toLowerCase().replaceAll('"', '""')}"`
  return reader.queries.select({ id: sql<string>`user_id` })
    .from(sql`(select t.user_id from user_search s cross join user_texts t on t.id = s.rowid
      where s.user_search match ${phrase} limit ${most + 1}) as matched`)
}

const holding = (reader: Reader, accountId: string, role: string): Ids => {
  const isNamed = or(eq(roles.id, role), eq(roles.predefined, role))
  const named = reader.queries
    .select({ id: roles.id })
    .from(roles)
    .where(and(eq(roles.accountId, accountId), isNamed))
  return reader.queries
    .select({ id: userRoles.userId })
    .from(userRoles)
    .where(inArray(userRoles.roleId, named))
    .limit(most + 1)
}

const locked = (reader: Reader): Ids =>
  reader.queries
    .select({ id: locks.userId })
    .from(locks)
    .where(isInForce(reader))
    .limit(most + 1)

/** Those that one part of the filter alone leaves, each by an index of its own. */
const parts = (reader: Reader, accountId: string, filter: UserFilter): readonly (() => Ids)[] => {
  const { search = '', status, role, httpBasic, smppBasic } = filter
  const ofAccount = (condition: ReturnType<typeof and>) => () =>
    reader.queries
      .select({ id: users.id })
      .from(users)
      .where(and(eq(users.accountId, accountId), condition))
      .limit(most + 1)
  const within = signedInWithin(filter)
  // There are no trigrams of less than three characters.
  const hasTrigrams = Array.from(search).length >= 3
  return [
    ...(hasTrigrams && reader.dialect === 'sqlite' ? [() => matching(reader, search)] : []),
    ...(hasTrigrams && reader.dialect === 'postgres' ? [ofAccount(isFound(reader, search))] : []),
    ...(role === undefined ? [] : [() => holding(reader, accountId, role)]),
    ...(filter.locked === true || status === 'locked' ? [() => locked(reader)] : []),
    ...(status === 'disabled' ? [ofAccount(eq(users.enabled, false))] : []),
    ...(httpBasic === undefined ? [] : [ofAccount(eq(users.httpBasic, httpBasic))]),
    ...(smppBasic === undefined ? [] : [ofAccount(eq(users.smppBasic, smppBasic))]),
    ...(within === undefined ? [] : [ofAccount(within)]),
  ]
}

/**
 * The only users whom a filter can show, when one part of it leaves few: these are looked at one by
 * one. Undefined when each part leaves many: then the list is read in its order until a page is full.
 */
export const findCandidates = async (
  reader: Reader,
  accountId: string,
  filter: UserFilter,
): Promise<readonly string[] | undefined> => {
  for (const find of parts(reader, accountId, filter)) {
    const found = await find()
    if (found.length <= most) return found.map(({ id }) => id)
  }
  return undefined
}
