import { expect, it } from 'vitest'
import { transact, type Database } from '../../db/database.ts'
import { recordLock } from '../../db/locks.ts'
import { openSnapshot, snapshotOf } from '../../db/snapshot.ts'
import { streamUserLines, type UserLine } from '../../db/user-lines.ts'
import { recordSignIn, setUserEnabled } from '../../db/users.ts'
import { systemActor } from '../../db/record.ts'
import { addAccount, addUser, made, someTime, temporaryDatabase } from '../support/database.ts'

const readAll = async (pages: AsyncIterable<readonly UserLine[]>): Promise<readonly UserLine[]> => {
  const all: UserLine[] = []
  for await (const lines of pages) all.push(...lines)
  return all
}

const linesOf = async (database: Database, accountId: string, list = {}) => {
  const { reader, close } = await openSnapshot(snapshotOf(database))
  const all = { accountId, filter: {}, sort: 'username', descending: false, ...list } as const
  return { all: readAll(streamUserLines(reader, all)), close }
}

const withPeople = async () => {
  const database = await temporaryDatabase()
  const { id: accountId } = await addAccount(database)
  const add = (username: string, user = {}) => addUser(database, accountId, { username, ...user })
  const alice = await add('alice', {
    ...{ firstName: 'Alice', lastName: 'Öz', email: 'A@example.com' },
    roles: ['auditor', 'api-user'],
  })
  const bob = await add('bob', { roles: ['api-user'] })
  await add('carol', { enabled: false })
  const signIn = { userId: alice.id, at: someTime, source: '192.0.2.1', channel: 'web' } as const
  await transact(database, (tx) => recordSignIn(tx, signIn))
  const lock = {
    ...{ bucket: 'unknown', lockedAt: someTime, lockedUntil: Infinity, locks: 1, consecutive: 5 },
    ...{ channels: [], sources: [] },
  }
  await transact(database, (tx) => recordLock(tx, { userId: bob.id, lock }))
  const other = await addAccount(database, 'other')
  await addUser(database, other.id, { username: 'dora' })
  return { database, accountId, alice }
}

const nobody = { name: '', email: null, roles: [], lastSignInAt: null }

it('shows each user of the account with roles, last sign-in and status', async () => {
  const { database, accountId } = await withPeople()
  const { all, close } = await linesOf(database, accountId)
  expect(await all).toEqual([
    {
      ...{ name: 'Alice Öz', username: 'alice', email: 'A@example.com' },
      ...{ roles: ['API user', 'Auditor'], lastSignInAt: someTime, status: 'active' },
    },
    { ...nobody, username: 'bob', roles: ['API user'], status: 'locked' },
    { ...nobody, username: 'carol', status: 'disabled' },
  ])
  await close()
})

it('is narrowed and sorted as the list is', async () => {
  const { database, accountId } = await withPeople()
  const list = { filter: { role: 'api-user' }, descending: true }
  const { all, close } = await linesOf(database, accountId, list)
  expect((await all).map(({ username }) => username)).toEqual(['bob', 'alice'])
  await close()
})

it('shows the moment at which it was opened, whatever is changed meanwhile', async () => {
  const { database, accountId, alice } = await withPeople()
  const { reader, close } = await openSnapshot(snapshotOf(database))
  const change = { actor: systemActor, userId: alice.id, enabled: false }
  made(await transact(database, (tx) => setUserEnabled(tx, change)))
  await addUser(database, accountId, { username: 'eve' })
  const list = { accountId, filter: {}, sort: 'username', descending: false } as const
  const lines = await readAll(streamUserLines(reader, list))
  expect(lines.map(({ username, status }) => `${username} ${status}`)).toEqual([
    'alice active',
    'bob locked',
    'carol disabled',
  ])
  await close()
})
