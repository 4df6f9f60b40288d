import { describe, expect, it } from 'vitest'
import { lastChange } from '../../db/changes.ts'
import { transact, type Database, type Transaction } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { setPassword, setRehashed, setSmppPassword } from '../../db/passwords.ts'
import { findPrincipal } from '../../db/principals.ts'
import { systemActor, type Actor } from '../../db/record.ts'
import { findUser } from '../../db/user-rows.ts'
import {
  addAccount,
  addUser,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const eventsOf = async (database: Database, after = 0) =>
  (await findEventsAfter(database, 0, 100)).slice(after)

/** An account with `admin` (Account admin) and `alice`. */
const withUsers = async (clock?: Clock) => {
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  const admin = await addUser(database, account.id, { username: 'admin', roles: ['account-admin'] })
  const alice = await addUser(database, account.id, { username: 'Alice', email: 'a@example.com' })
  const actor: Actor = { userId: admin.id, channel: 'http', source: '192.0.2.1' }
  return { database, account, admin, alice, actor }
}

describe('a new password', () => {
  const change = async (
    database: Database,
    work: (tx: Transaction) => Promise<unknown>,
    id: string,
  ) => {
    await transact(database, work)
    return (await findUser(database, id))!
  }

  it('makes the epoch grow, and stands nowhere in the audit', async () => {
    const { database, alice, actor } = await withUsers()
    const userId = alice.id
    const user = await change(
      database,
      (tx) => setPassword(tx, { actor, userId, hash: 'planted-hash' }),
      userId,
    )
    expect(user).toMatchObject({
      passwordHash: 'planted-hash',
      credentialEpoch: 2,
      passwordChangedAt: someTime,
    })
    expect(JSON.stringify(await eventsOf(database))).not.toContain('planted')
    expect((await eventsOf(database)).at(-1)).toMatchObject({ action: 'user.password-changed' })
  })

  it('for SMPP leaves the one before good for a while, if that is wanted', async () => {
    const { database, alice, actor } = await withUsers()
    const userId = alice.id
    const set = (hash: string | null, overlapMs?: number) =>
      change(
        database,
        (tx) =>
          setSmppPassword(tx, {
            actor,
            userId,
            hash,
            ...(overlapMs === undefined ? {} : { overlapMs }),
          }),
        userId,
      )
    expect(await set('one', 1000)).toMatchObject({
      smppPasswordHash: 'one',
      previousSmppPasswordHash: null,
      previousSmppPasswordUntil: null,
      credentialEpoch: 2,
    })
    expect(await set('two', 1000)).toMatchObject({
      smppPasswordHash: 'two',
      previousSmppPasswordHash: 'one',
      previousSmppPasswordUntil: someTime + 1000,
      credentialEpoch: 3,
    })
    expect(await set('three')).toMatchObject({
      smppPasswordHash: 'three',
      previousSmppPasswordHash: null,
      credentialEpoch: 4,
    })
    expect(await set(null)).toMatchObject({ smppPasswordHash: null, credentialEpoch: 5 })
  })

  it('is none when only the hash is made anew', async () => {
    const { database, alice, actor } = await withUsers()
    const userId = alice.id
    await transact(database, (tx) => setPassword(tx, { actor, userId, hash: 'old' }))
    const seq = await lastChange(database)
    const rehash = (from: string, to: string) =>
      change(database, (tx) => setRehashed(tx, { userId, from, to }), userId)
    expect(await rehash('old', 'new')).toMatchObject({ passwordHash: 'new', credentialEpoch: 2 })
    expect(await rehash('old', 'newer')).toMatchObject({ passwordHash: 'new' })
    expect(await lastChange(database)).toBe(seq)
  })

  it('is none of one that is the SMPP password before, until that is over', async () => {
    const clock: Clock = { at: someTime }
    const { database, alice, actor } = await withUsers(clock)
    const userId = alice.id
    const rehash = () => transact(database, (tx) => setRehashed(tx, { userId, from: 'a', to: 'b' }))
    await transact(database, (tx) => setPassword(tx, { actor, userId, hash: 'a' }))
    await transact(database, (tx) =>
      setSmppPassword(tx, { actor, userId, hash: 'own', overlapMs: 1_000 }),
    )
    await rehash()
    expect((await findUser(database, userId))?.passwordHash).toBe('a')
    clock.at += 1_000
    await rehash()
    expect((await findUser(database, userId))?.passwordHash).toBe('b')
  })
})

describe('the SMPP password before', () => {
  it('is there until its time is over', async () => {
    const clock: Clock = { at: someTime }
    const database = await temporaryDatabase(clock)
    const account = await addAccount(database)
    const { id: userId } = await addUser(database, account.id, { username: 'alice' })
    for (const hash of ['one', 'two']) {
      await transact(database, (tx) =>
        setSmppPassword(tx, { actor: systemActor, userId, hash, overlapMs: 1000 }),
      )
    }
    expect(await findPrincipal(database, 'alice')).toMatchObject({
      smppPasswordHash: 'two',
      previousSmppPassword: { hash: 'one', validUntil: someTime + 1000 },
    })
    clock.at += 1000
    expect((await findPrincipal(database, 'alice'))?.previousSmppPassword).toBeUndefined()
  })
})
