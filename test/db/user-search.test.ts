import { describe, expect, it } from 'vitest'
import { transact, type Database } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { setProfile } from '../../db/user-profile.ts'
import type { UserFilter } from '../../db/user-filter.ts'
import { countUsersOf, findUserPage } from '../../db/user-search.ts'
import { addAccount, addUser, made, runSql, temporaryDatabase } from '../support/database.ts'

const namesOf = async (database: Database, accountId: string, filter: UserFilter) => {
  const page = { accountId, filter, sort: 'username', descending: false, limit: 200 } as const
  const { views } = await findUserPage(database, page)
  expect(await countUsersOf(database, accountId, filter)).toBe(views.length)
  return views.map(({ username }) => username)
}

const withPeople = async () => {
  const database = await temporaryDatabase()
  const { id: accountId } = await addAccount(database)
  const add = (username: string, firstName: string, lastName: string, email?: string) =>
    addUser(database, accountId, { username, firstName, lastName, email })
  const alice = await add('alice', 'Alice', 'Müller-Öz', 'a.liddell@example.com')
  await add('bob', '"Bob" 100%', '_back\\slash_', 'bob@example.com')
  await add('carol', '李', '小龙', undefined)
  const other = await addAccount(database, 'other')
  await addUser(database, other.id, { username: 'alice-elsewhere' })
  return { database, accountId, alice }
}

describe('a search', () => {
  const rows: readonly (readonly [search: string, found: readonly string[]])[] = [
    ['lic', ['alice']],
    ['LIDDELL@EX', ['alice']],
    ['müller-ö', ['alice']],
    ['ÖZ', ['alice']],
    ['e', ['alice', 'bob']],
    ['李', ['carol']],
    ['李 小龙', ['carol']],
    ['example.com', ['alice', 'bob']],
    ['"bob"', ['bob']],
    ['0%', ['bob']],
    ['100%', ['bob']],
    ['%%%', []],
    ['_b', ['bob']],
    ['___', []],
    ['back\\slash', ['bob']],
    ['bob*', []],
    ['bob OR alice', []],
    ['alice alice', []],
    ["'", []],
  ]
  it.each(rows)('for %j finds %j, and nothing of another account', async (search, found) => {
    const { database, accountId } = await withPeople()
    expect(await namesOf(database, accountId, { search })).toEqual(found)
  })

  it('finds what a profile says now, and nobody who is gone', async () => {
    const { database, accountId, alice } = await withPeople()
    const change = { actor: systemActor, userId: alice.id }
    const profile = { lastName: 'Kingsleigh', email: 'alice@new.example' }
    made(await transact(database, (tx) => setProfile(tx, { ...change, profile })))
    expect(await namesOf(database, accountId, { search: 'kingsleigh' })).toEqual(['alice'])
    expect(await namesOf(database, accountId, { search: 'new.ex' })).toEqual(['alice'])
    expect(await namesOf(database, accountId, { search: 'liddell' })).toEqual([])
    expect(await namesOf(database, accountId, { search: 'müller' })).toEqual([])
    await runSql(database, `delete from users where username = 'alice'`)
    expect(await namesOf(database, accountId, { search: 'alice' })).toEqual([])
  })
})
