import { describe, expect, it } from 'vitest'
import { transact } from '../../db/database.ts'
import { recordLock } from '../../db/locks.ts'
import { findUserView, findUserViews } from '../../db/user-views.ts'
import { recordSignIn, setUserEnabled } from '../../db/users.ts'
import { systemActor as actor } from '../../db/record.ts'
import { addAccount, addUser, someTime, temporaryDatabase } from '../support/database.ts'

const minute = 60_000

const open = async () => {
  const clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  const lock = (userId: string, bucket: string, lockedUntil: number) =>
    transact(database, (tx) =>
      recordLock(tx, {
        userId,
        lock: {
          ...{ bucket, lockedAt: clock.at, lockedUntil, locks: 1, consecutive: 5 },
          ...{ channels: ['http'], sources: ['192.0.2.7'] },
        },
      }),
    )
  return { clock, database, account, lock }
}

describe('the view of a user', () => {
  it('has what an admin sees and no hash', async () => {
    const { database, account } = await open()
    const { id } = await addUser(database, account.id, {
      ...{ username: 'Alice', email: 'a@example.com', firstName: 'Al', passwordHash: 'a hash' },
      ...{ roles: ['auditor', 'api-user'], apiAccess: { http: true, smpp: false } },
      safelist: [{ range: '192.0.2.0/24' }, { range: '2001:db8::/32' }],
    })
    const signIn = { userId: id, at: someTime, source: '192.0.2.9', channel: 'http' as const }
    await transact(database, (tx) => recordSignIn(tx, signIn))
    const view = await findUserView(database, 'aLICE')
    expect(view).toMatchObject({
      ...{ id, username: 'Alice', email: 'a@example.com', firstName: 'Al', status: 'active' },
      ...{ safelistSize: 2, locks: [], apiAccess: { http: true, smpp: false } },
      roles: [{ name: 'API user' }, { name: 'Auditor' }],
      lastSignIn: { at: someTime, source: '192.0.2.9', channel: 'http' },
    })
    expect(JSON.stringify(view)).not.toContain('hash')
    expect(await findUserView(database, 'bob')).toBeUndefined()
  })

  it('is locked while a lock is in force, and disabled before that', async () => {
    const { clock, database, account, lock } = await open()
    const { id } = await addUser(database, account.id, { username: 'alice' })
    await lock(id, 'unknown', clock.at + minute)
    clock.at += 1
    await lock(id, '192.0.2.7', Infinity)
    const statusOf = async () => (await findUserView(database, 'alice'))?.status
    expect(await findUserView(database, 'alice')).toMatchObject({
      status: 'locked',
      locks: [{ bucket: 'unknown' }, { bucket: '192.0.2.7', lockedUntil: Infinity }],
    })
    clock.at += minute
    expect((await findUserView(database, 'alice'))?.locks).toHaveLength(1)
    expect(await statusOf()).toBe('locked')
    await transact(database, (tx) => setUserEnabled(tx, { actor, userId: id, enabled: false }))
    expect(await statusOf()).toBe('disabled')
  })
})

describe('a list of users', () => {
  const namesOf = async (...of: Parameters<typeof findUserViews>) =>
    (await findUserViews(...of)).map(({ username }) => username)

  it('goes on behind the last name of the page before, each user with its own', async () => {
    const { database, account, clock, lock } = await open()
    for (let at = 0; at < 25; at++)
      await addUser(database, account.id, {
        username: `user-${String(at).padStart(2, '0')}`,
        ...(at % 2 === 0 ? { roles: ['auditor'] } : { safelist: [{ range: '192.0.2.0/24' }] }),
      })
    const seventh = await findUserView(database, 'user-07')
    await lock(seventh?.id ?? '', 'unknown', clock.at + minute)
    const first = await findUserViews(database, { limit: 10 })
    expect(first).toHaveLength(10)
    expect(first.map(({ status }) => status).indexOf('locked')).toBe(7)
    expect(first.map(({ roles }) => roles.length)).toEqual([1, 0, 1, 0, 1, 0, 1, 0, 1, 0])
    expect(first.map(({ safelistSize }) => safelistSize)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1])
    const last = await namesOf(database, { after: 'user-19', limit: 10 })
    expect(last).toEqual(['user-20', 'user-21', 'user-22', 'user-23', 'user-24'])
    expect(await namesOf(database, { after: 'user-24', limit: 10 })).toEqual([])
  })

  it('is searched in username, name and e-mail, and nothing in it is a pattern', async () => {
    const { database, account } = await open()
    await addUser(database, account.id, { username: 'Alice', firstName: 'Zoë', lastName: 'Ö%_' })
    await addUser(database, account.id, { username: 'bob_1', email: 'Bob@Example.com' })
    const search = (text: string) => namesOf(database, { limit: 10, search: text })
    expect(await search('LIC')).toEqual(['Alice'])
    expect(await search('zoë ö')).toEqual(['Alice'])
    expect(await search('@example')).toEqual(['bob_1'])
    expect(await search('%')).toEqual(['Alice'])
    expect(await search('_')).toEqual(['Alice', 'bob_1'])
    expect(await search('nobody')).toEqual([])
  })
})
