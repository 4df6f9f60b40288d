import { describe, expect, it } from 'vitest'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact, type Database } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor, type Actor } from '../../db/record.ts'
import { findRolesOf } from '../../db/roles.ts'
import { findEntries } from '../../db/safelists.ts'
import { findUser, findUserByName } from '../../db/user-rows.ts'
import {
  countUsers,
  createUser,
  recordSignIn,
  setApiAccess,
  setUserEnabled,
} from '../../db/users.ts'
import { addAccount, addUser, someTime, temporaryDatabase } from '../support/database.ts'

const eventsOf = async (database: Database, after = 0) =>
  (await findEventsAfter(database, 0, 100)).slice(after)

/** An account with `admin` (Account admin) and `alice`. */
const withUsers = async () => {
  const database = await temporaryDatabase()
  const account = await addAccount(database)
  const admin = await addUser(database, account.id, { username: 'admin', roles: ['account-admin'] })
  const alice = await addUser(database, account.id, { username: 'Alice', email: 'a@example.com' })
  const actor: Actor = { userId: admin.id, channel: 'http', source: '192.0.2.1' }
  return { database, account, admin, alice, actor }
}

describe('a new user', () => {
  it('has what was asked for, is news, and is in the audit', async () => {
    const { database, account, admin, actor } = await withUsers()
    const seq = await lastChange(database)
    const user = await addUser(database, account.id, {
      actor,
      username: 'Bob',
      email: 'Bob@Example.com',
      firstName: 'Bob',
      lastName: 'Builder',
      passwordHash: 'hash',
      roles: ['auditor', 'api-user'],
      safelist: [{ range: '203.0.113.7/24', description: 'office' }, { range: '2001:db8::1' }],
      apiAccess: { http: true, smpp: false },
    })
    expect(user).toMatchObject({
      accountId: account.id,
      usernameKey: 'bob',
      emailKey: 'bob@example.com',
      nameKey: 'bob builder',
      enabled: true,
      httpBasic: true,
      smppBasic: false,
      credentialEpoch: 1,
      createdAt: someTime,
      version: 1,
    })
    expect((await findRolesOf(database, user.id)).map(({ predefined }) => predefined)).toEqual([
      'api-user',
      'auditor',
    ])
    expect((await findEntries(database, user.id)).map(({ range }) => range)).toEqual([
      '203.0.113.0/24',
      '2001:db8::1',
    ])
    expect(await findChangesSince(database, seq)).toMatchObject([{ kind: 'user', userId: user.id }])
    expect((await eventsOf(database)).at(-1)).toMatchObject({
      action: 'user.created',
      accountId: account.id,
      actorId: admin.id,
      userId: user.id,
      username: 'Bob',
      source: '192.0.2.1',
    })
  })

  it('starts with basic credentials refused on every protocol (U12)', async () => {
    const { alice } = await withUsers()
    expect(alice).toMatchObject({ httpBasic: false, smppBasic: false })
  })

  it('is found by any spelling of the name (C1)', async () => {
    const { database, alice } = await withUsers()
    for (const name of ['alice', 'Alice', 'ALICE']) {
      expect((await findUserByName(database, name))?.id).toBe(alice.id)
    }
    expect(await findUserByName(database, 'alic\u0435')).toBeUndefined()
    expect(await countUsers(database)).toBe(2)
  })

  const refusals: readonly (readonly [
    what: string,
    user: Partial<Parameters<typeof createUser>[1]>,
    result: unknown,
  ])[] = [
    [
      'the name of another, in another spelling',
      { username: 'aLICE' },
      { refused: 'username-taken' },
    ],
    [
      'the e-mail of another, in another spelling',
      { email: 'A@EXAMPLE.com' },
      { refused: 'email-taken' },
    ],
    ['a role that is none', { roles: ['auditor', 'nobody'] }, { refused: 'role-unknown' }],
    [
      'a bad safelist',
      { safelist: [{ range: '192.0.2.1' }, { range: '010.0.0.1' }, { range: '10.0.0.0/33' }] },
      { faults: [{ path: 'entries.1.range' }, { path: 'entries.2.range' }] },
    ],
    [
      'a range twice',
      { safelist: [{ range: '192.0.2.1' }, { range: '::ffff:192.0.2.1' }] },
      { faults: [{ path: 'entries.1.range' }] },
    ],
  ]
  it.each(refusals)('is not made with %s, and nothing is written', async (_, user, result) => {
    const { database, account } = await withUsers()
    const before = (await eventsOf(database)).length
    const made = await transact(database, (tx) =>
      createUser(tx, { actor: systemActor, accountId: account.id, username: 'bob', ...user }),
    )
    expect(made).toMatchObject(result as object)
    expect(await countUsers(database)).toBe(2)
    expect(await eventsOf(database)).toHaveLength(before)
  })

  it('of another account may have the same e-mail, but not the same name', async () => {
    const { database } = await withUsers()
    const { id } = await addAccount(database, 'other')
    const create = (username: string) =>
      transact(database, (tx) =>
        createUser(tx, { actor: systemActor, accountId: id, username, email: 'a@example.com' }),
      )
    expect(await create('alice')).toEqual({ refused: 'username-taken' })
    expect(await create('alice-2')).toMatchObject({ accountId: id })
  })

  it.each(['ab', 'a b', 'a:b', 'a\u0000bc', 'alice\u0000b', 'ünal', 'x'.repeat(65)])(
    'is never written under the name %j, whoever forgot to look',
    async (username) => {
      const { database, account } = await withUsers()
      const email = 'a@example.com,b'
      const made = await transact(database, (tx) =>
        createUser(tx, { actor: systemActor, accountId: account.id, username, email }),
      )
      expect(made).toMatchObject({ faults: [{ path: 'username' }, { path: 'email' }] })
      expect(await findUserByName(database, username)).toBeUndefined()
    },
  )
})

describe('enabling and disabling (U4)', () => {
  const set = (database: Database, actor: Actor, userId: string, enabled: boolean) =>
    transact(database, (tx) => setUserEnabled(tx, { actor, userId, enabled }))

  it('is news and audit, with before and after', async () => {
    const { database, alice, actor } = await withUsers()
    const seq = await lastChange(database)
    expect(await set(database, actor, alice.id, false)).toMatchObject({
      enabled: false,
      version: 2,
    })
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'enabled', userId: alice.id, accountId: alice.accountId },
    ])
    expect((await eventsOf(database)).at(-1)).toMatchObject({
      action: 'user.disabled',
      before: '{"enabled":true}',
      after: '{"enabled":false}',
    })
    expect(await set(database, actor, alice.id, true)).toMatchObject({ enabled: true, version: 3 })
  })

  it('says nothing when nothing changes', async () => {
    const { database, alice, actor } = await withUsers()
    const seq = await lastChange(database)
    expect(await set(database, actor, alice.id, true)).toEqual(alice)
    expect(await lastChange(database)).toBe(seq)
  })

  it('refuses to disable the own account', async () => {
    const { database, admin, account, actor } = await withUsers()
    await addUser(database, account.id, { username: 'second', roles: ['account-admin'] })
    expect(await set(database, actor, admin.id, false)).toEqual({ refused: 'own-account' })
  })

  it('refuses to disable the last active Account admin', async () => {
    const { database, admin, account } = await withUsers()
    expect(await set(database, systemActor, admin.id, false)).toEqual({ refused: 'last-admin' })
    const second = await addUser(database, account.id, {
      username: 'second',
      roles: ['account-admin'],
      enabled: false,
    })
    expect(await set(database, systemActor, admin.id, false)).toEqual({ refused: 'last-admin' })
    await set(database, systemActor, second.id, true)
    expect(await set(database, systemActor, admin.id, false)).toMatchObject({ enabled: false })
  })

  it('counts only admins of the same account', async () => {
    const { database, admin } = await withUsers()
    const { id } = await addAccount(database, 'other')
    await addUser(database, id, { username: 'elsewhere', roles: ['account-admin'] })
    expect(await set(database, systemActor, admin.id, false)).toEqual({ refused: 'last-admin' })
  })

  it('refuses an unknown user', async () => {
    const { database, actor } = await withUsers()
    expect(await set(database, actor, 'nobody', false)).toEqual({ refused: 'user-unknown' })
  })
})

describe('API access (U12)', () => {
  it('is one switch for each protocol, news and audit', async () => {
    const { database, alice, actor } = await withUsers()
    const allow = (http: boolean, smpp: boolean) =>
      transact(database, (tx) => setApiAccess(tx, { actor, userId: alice.id, http, smpp }))
    expect(await allow(true, false)).toMatchObject({ httpBasic: true, smppBasic: false })
    expect(await allow(true, true)).toMatchObject({ httpBasic: true, smppBasic: true })
    const seq = await lastChange(database)
    await allow(true, true)
    expect(await lastChange(database)).toBe(seq)
    expect((await eventsOf(database)).at(-1)).toMatchObject({
      action: 'user.api-access-changed',
      before: '{"smppBasic":false}',
      after: '{"smppBasic":true}',
    })
  })
})

describe('the last sign-in', () => {
  it('is remembered with its source and channel, and is no news', async () => {
    const { database, alice } = await withUsers()
    const seq = await lastChange(database)
    await transact(database, (tx) =>
      recordSignIn(tx, { userId: alice.id, at: someTime, source: '192.0.2.1', channel: 'smpp' }),
    )
    expect(await findUser(database, alice.id)).toEqual({
      ...alice,
      lastSignInAt: someTime,
      lastSignInSource: '192.0.2.1',
      lastSignInChannel: 'smpp',
    })
    expect(await lastChange(database)).toBe(seq)
  })
})
