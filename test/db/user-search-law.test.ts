import fc from 'fast-check'
import { expect, it } from 'vitest'
import { transact, type Database } from '../../db/database.ts'
import type { UserFilter } from '../../db/user-filter.ts'
import { sorts, type UserPage, type UserPosition, type UserSort } from '../../db/user-order.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { countUsersOf, findUserPage } from '../../db/user-search.ts'
import { findRowsByText, isByText } from '../../db/user-texts.ts'
import { recordSignIn } from '../../db/users.ts'
import { users } from '../../db/schema/users.ts'
import { eq } from 'drizzle-orm'
import { addAccount, addUser, someTime, temporaryDatabase } from '../support/database.ts'

const people = 60

/** Names of few letters, so that each part of one is found in many. */
const nameOf = (index: number): string =>
  Array.from({ length: 1 + (index % 4) }, (_, at) => 'abéA%_ '[(index * 7 + at * 3) % 7]).join('')

const fill = async (database: Database) => {
  const { id: accountId } = await addAccount(database)
  const other = await addAccount(database, 'other')
  for (let index = 0; index < people; index++) {
    const { id } = await addUser(database, index % 5 === 4 ? other.id : accountId, {
      username: `u${(index * 37) % 100}-${'ab'.repeat(index % 3)}`,
      firstName: nameOf(index),
      lastName: nameOf(index * 3 + 1),
      email: index % 7 === 0 ? undefined : `ab${index}@a.example`,
      enabled: index % 3 !== 0,
      apiAccess: { http: index % 2 === 0, smpp: false },
    })
    const at = someTime - (index % 10) * 1000
    if (index % 4 !== 0)
      await transact(database, (tx) =>
        recordSignIn(tx, { userId: id, at, source: '192.0.2.1', channel: 'web' }),
      )
  }
  return accountId
}

const isShown = (row: UserRow, filter: UserFilter): boolean => {
  const search = filter.search?.toLowerCase() ?? ''
  const isFound = [row.usernameKey, row.nameKey, row.emailKey ?? ''].some((it) =>
    it.includes(search),
  )
  const { httpBasic = row.httpBasic, lastSignInAfter = 0 } = filter
  const isEnabled = filter.status === undefined || !row.enabled
  return (
    isFound &&
    isEnabled &&
    row.httpBasic === httpBasic &&
    (row.lastSignInAt ?? 0) >= lastSignInAfter
  )
}

const compare = (one: string | number, other: string | number): number =>
  typeof one === 'string'
    ? Buffer.compare(Buffer.from(one), Buffer.from(String(other)))
    : one - Number(other)

/** The ids that a list shows, by looking at every row. */
const naive = (all: readonly UserRow[], { filter, sort, descending }: Omit<UserPage, 'limit'>) => {
  const { of } = sorts[sort]
  const ascending = all
    .filter((row) => isShown(row, filter))
    .toSorted((a, b) => compare(of(a), of(b)) || compare(a.id, b.id))
  return (descending ? ascending.toReversed() : ascending).map(({ id }) => id)
}

const lists = fc.record({
  filter: fc.record(
    {
      search: fc.string({ unit: fc.constantFrom(...Array.from('abéA%_ u3@-')), maxLength: 4 }),
      status: fc.constant('disabled' as const),
      httpBasic: fc.boolean(),
      lastSignInAfter: fc.constantFrom(0, someTime - 5000, someTime),
    },
    { requiredKeys: ['search'] },
  ),
  sort: fc.constantFrom(...(Object.keys(sorts) as UserSort[])),
  descending: fc.boolean(),
})

it('a list shows whom looking at every user shows, in that order, page by page', async () => {
  const database = await temporaryDatabase()
  const accountId = await fill(database)
  const all = await database.queries.select().from(users).where(eq(users.accountId, accountId))
  const law = fc.asyncProperty(lists, fc.integer({ min: 1, max: 20 }), async (list, limit) => {
    const expected = naive(all, { accountId, ...list })
    const seen: string[] = []
    let after: UserPosition | undefined
    do {
      const page = { accountId, ...list, after, limit }
      const { views, next } = await findUserPage(database, page)
      seen.push(...views.map(({ id }) => id))
      // The same from the texts alone, as it is done when many are found.
      const rows = isByText(database, list.filter)
        ? await findRowsByText(database, page)
        : undefined
      if (rows !== undefined) expect(rows.map(({ id }) => id)).toEqual(views.map(({ id }) => id))
      after = next
    } while (after !== undefined)
    expect(seen).toEqual(expected)
    expect(await countUsersOf(database, accountId, list.filter)).toBe(expected.length)
  })
  await fc.assert(law, { numRuns: 150 })
})
