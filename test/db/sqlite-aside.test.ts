import { count, eq, sql } from 'drizzle-orm'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createAside } from '../../db/aside.ts'
import { closeDatabase } from '../../db/database.ts'
import { roles, users } from '../../db/schema/users.ts'
import { findUserPage } from '../../db/user-search.ts'
import { addAccount, addUser, sqliteOf, temporaryDatabase } from '../support/database.ts'

/** A statement that counts to so many. */
const counting = (to: number) =>
  sql`(with recursive n(i) as (select 1 union all select i + 1 from n where i < ${to}) select i from n)`

const withAlice = async () => {
  const database = await temporaryDatabase()
  const account = await addAccount(database)
  const alice = await addUser(database, account.id, { username: 'alice', roles: ['api-user'] })
  return { database, account, alice }
}

describe('a read aside', () => {
  it('answers what the other reader answers, in every kind of column', async () => {
    const { database, account } = await withAlice()
    const page = { accountId: account.id, filter: {}, sort: 'name', descending: false } as const
    const aside = await findUserPage(database.aside, { ...page, limit: 5 })
    expect(aside.views).toHaveLength(1)
    expect(aside).toEqual(await findUserPage(database, { ...page, limit: 5 }))
    expect(await database.aside.queries.select().from(roles)).toEqual(
      await database.queries.select().from(roles),
    )
  })

  it('sees what was committed before it was asked', async () => {
    const { database, account } = await withAlice()
    const { aside } = database
    const countAll = () => aside.queries.select({ users: count() }).from(users)
    expect(await countAll()).toEqual([{ users: 1 }])
    await addUser(database, account.id, { username: 'bob' })
    expect(await countAll()).toEqual([{ users: 2 }])
  })

  it('keeps nobody waiting but who asked', async () => {
    const { database } = await withAlice()
    const answered: string[] = []
    const long = database.aside.queries
      .select({ n: count() })
      .from(counting(3_000_000))
      .then(() => answered.push('long'))
    for (let reads = 0; reads < 3; reads++) {
      await new Promise(setImmediate)
      await database.queries.select({ users: count() }).from(users)
      answered.push('short')
    }
    await long
    expect(answered).toEqual(['short', 'short', 'short', 'long'])
  })

  it('is given up when it takes too long, and the next one is answered', async () => {
    const { database } = await withAlice()
    const { queries, close } = createAside(sqliteOf(database).file, 150)
    onTestFinished(close)
    await expect(queries.select({ n: count() }).from(counting(10_000_000))).rejects.toThrow(
      'longer than 150 ms',
    )
    // A thread that has to start may take as long itself.
    await expect
      .poll(
        () =>
          queries
            .select({ n: count() })
            .from(counting(10))
            .catch(() => undefined),
        {
          timeout: 20_000,
        },
      )
      .toEqual([{ n: 10 }])
  })

  it('cannot write, and tells none of its parameters when it fails', async () => {
    const { database } = await withAlice()
    const { queries } = database.aside
    const deletion = queries.delete(users).where(eq(users.username, 'alice')).returning()
    await expect(deletion).rejects.toMatchObject({
      code: 'SQLITE_READONLY',
    })
    const failure: unknown = await queries
      .select({ n: count() })
      .from(sql`missing`)
      .where(sql`${'a secret'} = 1`)
      .catch((error: unknown) => error)
    expect(failure).toMatchObject({ message: 'no such table: missing' })
  })

  it('fails at once when the database is closed', async () => {
    const { database } = await withAlice()
    const long = database.aside.queries.select({ n: count() }).from(counting(1_000_000))
    const failed = expect(long).rejects.toThrow('closed')
    await closeDatabase(database)
    await failed
    await expect(database.aside.queries.select().from(users)).rejects.toThrow('closed')
  })
})
