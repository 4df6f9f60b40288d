import { asc } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { transact, type Database, type Transaction } from '../../db/database.ts'
import { setDeletionRequested } from '../../db/deletion.ts'
import { clearLocks, recordLock, unlockUser, type Lock } from '../../db/locks.ts'
import { setPassword, setSmppPassword } from '../../db/passwords.ts'
import { systemActor, type Actor } from '../../db/record.ts'
import { notices } from '../../db/schema/notices.ts'
import { setTwoFactor } from '../../db/two-factor.ts'
import { setProfile } from '../../db/user-profile.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setApiAccess, setUserEnabled } from '../../db/users.ts'
import {
  addAccount,
  addUser,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const admin: Actor = { userId: 'an-admin', channel: 'http', source: '192.0.2.1' }
const minute = 60_000

const lock = (more: Partial<Lock> = {}): Lock => ({
  bucket: 'unknown',
  lockedAt: someTime,
  lockedUntil: someTime + 15 * minute,
  locks: 1,
  consecutive: 5,
  channels: ['http'],
  sources: ['192.0.2.7'],
  ...more,
})

const userWith = async (user: Parameters<typeof addUser>[2]) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  return { clock, database, user: await addUser(database, account.id, user) }
}

/** Alice, who has a password and an address, and of whom nothing is to be told yet. */
const alice = () =>
  userWith({ username: 'alice', email: 'alice@example.com', passwordHash: 'a hash' })

const factsIn = async ({ queries }: Database): Promise<readonly unknown[]> =>
  (await queries.select({ facts: notices.facts }).from(notices).orderBy(asc(notices.id))).map(
    ({ facts }) => facts,
  )

type Work = (tx: Transaction, user: UserRow, actor: Actor) => Promise<unknown>

const edit =
  (profile: Parameters<typeof setProfile>[1]['profile']): Work =>
  (tx, { id: userId }, actor) =>
    setProfile(tx, { actor, userId, profile })

const happening = { at: someTime, source: null }

describe('what is recorded is told', () => {
  const rows: readonly (readonly [string, Work, readonly unknown[]])[] = [
    [
      'a lock',
      (tx, { id: userId }) => recordLock(tx, { userId, lock: lock() }),
      [
        {
          ...{ kind: 'locked', at: someTime, until: someTime + 15 * minute, failures: 5 },
          ...{ sources: ['192.0.2.7'], channels: ['http'] },
        },
      ],
    ],
    [
      'a new password',
      (tx, { id: userId }, actor) => setPassword(tx, { actor, userId, hash: 'other' }),
      [{ kind: 'password-changed', ...happening }],
    ],
    [
      'a new password of one’s own, and from where',
      (tx, { id: userId }) =>
        setPassword(tx, { actor: { ...admin, userId }, userId, hash: 'other' }),
      [{ kind: 'password-changed', at: someTime, source: '192.0.2.1' }],
    ],
    [
      'a new SMPP password',
      (tx, { id: userId }, actor) => setSmppPassword(tx, { actor, userId, hash: 'other' }),
      [{ kind: 'password-changed', ...happening }],
    ],
    [
      'another address, to both',
      edit({ email: 'new@example.com' }),
      ['alice@example.com', 'new@example.com'].map((address) => ({
        ...{ kind: 'email-changed', ...happening, address, to: 'new@example.com' },
      })),
    ],
    [
      'a mobile number',
      edit({ mobileNumber: '+41793026727' }),
      [{ kind: 'mobile-changed', ...happening, to: '+41793026727' }],
    ],
    ['no other name', edit({ firstName: 'Alicia' }), []],
    [
      'no other protocol',
      (tx, { id }, actor) => setApiAccess(tx, { actor, userId: id, http: true, smpp: true }),
      [],
    ],
    [
      'another way of second factor, as one',
      (tx, { id: userId, accountId }, actor) =>
        setTwoFactor(tx, { actor, accountId, userId, channel: 'email', mode: 'always' }),
      [{ kind: 'two-factor-changed', ...happening, mode: 'always' }],
    ],
    [
      'a deletion that is asked for',
      (tx, { id: userId, accountId }, actor) =>
        setDeletionRequested(tx, { actor, accountId, userId, requested: true }),
      [{ kind: 'deletion-requested', at: someTime, actorId: 'an-admin', channel: 'http' }],
    ],
    [
      'nothing to who is disabled',
      async (tx, { id: userId }, actor) => {
        await setUserEnabled(tx, { actor, userId, enabled: false })
        await setPassword(tx, { actor, userId, hash: 'other' })
        await recordLock(tx, { userId, lock: lock() })
      },
      [],
    ],
  ]
  it.each(rows)('%s', async (_, work, facts) => {
    const { database, user } = await alice()
    await transact(database, (tx) => work(tx, user, admin))
    expect(await factsIn(database)).toEqual(facts)
  })

  it('nothing of what is rolled back', async () => {
    const { database, user } = await alice()
    const failed = transact(database, async (tx) => {
      await setPassword(tx, { actor: admin, userId: user.id, hash: 'other' })
      throw new Error('too late')
    })
    await expect(failed).rejects.toThrow('too late')
    expect(await factsIn(database)).toEqual([])
  })
})

describe('a new user', () => {
  it.each([
    ['without a password is told how to set one', {}, 1],
    ['with a password is told nothing', { passwordHash: 'a hash' }, 0],
    ['without an address is told nothing', { email: undefined }, 0],
    ['who is disabled is told nothing', { enabled: false }, 0],
  ])('%s', async (_, more, count) => {
    const { database } = await userWith({ username: 'bob', email: 'bob@example.com', ...more })
    expect(await factsIn(database)).toEqual(Array(count).fill({ kind: 'account-created' }))
  })

  it('who was disabled is told when enabled', async () => {
    const { database, user } = await userWith({
      ...{ username: 'bob', email: 'bob@example.com', enabled: false },
    })
    await transact(database, (tx) =>
      setUserEnabled(tx, { actor: admin, userId: user.id, enabled: true }),
    )
    expect(await factsIn(database)).toEqual([{ kind: 'account-created' }])
  })

  it('whose address was wrong gets a link at the right one', async () => {
    const { database, user } = await userWith({ username: 'bob', email: 'wrong@example.com' })
    await transact(database, (tx) => edit({ email: 'right@example.com' })(tx, user, admin))
    expect(await factsIn(database)).toMatchObject([
      { kind: 'account-created' },
      { kind: 'email-changed', address: 'wrong@example.com' },
      { kind: 'account-created' },
    ])
  })
})

it('no link goes to an address that who has no password gave', async () => {
  const { database, user } = await userWith({ username: 'bob', email: 'bob@example.com' })
  const own = { ...admin, userId: user.id }
  await transact(database, (tx) => edit({ email: 'other@example.com' })(tx, user, own))
  expect(await factsIn(database)).toMatchObject([
    { kind: 'account-created' },
    { kind: 'email-changed', address: 'bob@example.com' },
    { kind: 'email-changed', address: 'other@example.com' },
  ])
})

describe('a lock', () => {
  const kindsAfter = async (work: Work): Promise<readonly unknown[]> => {
    const { database, user } = await alice()
    await transact(database, (tx) => work(tx, user, admin))
    return (await factsIn(database)).map((facts) => (facts as { kind: string }).kind)
  }
  const first: Work = (tx, { id: userId }) => recordLock(tx, { userId, lock: lock() })

  const rows: readonly (readonly [string, Work, readonly string[]])[] = [
    ['is told once, however many nodes write it', first, ['locked']],
    [
      'is told of each bucket',
      (tx, { id: userId }) => recordLock(tx, { userId, lock: lock({ bucket: '192.0.2.9' }) }),
      ['locked', 'locked'],
    ],
    [
      'is told again when the one before was over',
      async (tx, { id: userId }) => {
        const over = { bucket: 'other', lockedUntil: someTime - 1 }
        await recordLock(tx, { userId, lock: lock(over) })
        await recordLock(tx, { userId, lock: lock({ bucket: 'other' }) })
      },
      ['locked', 'locked', 'locked'],
    ],
    [
      'that an admin takes away is told',
      (tx, { id: userId }) => unlockUser(tx, { actor: admin, userId }),
      ['locked', 'unlocked'],
    ],
    [
      'that one takes away oneself is not',
      (tx, { id: userId }) => unlockUser(tx, { actor: { ...admin, userId }, userId }),
      ['locked'],
    ],
    [
      'that ends by a success is not',
      (tx, { id: userId }) => clearLocks(tx, { actor: systemActor, userId, bucket: 'unknown' }),
      ['locked'],
    ],
  ]
  it.each(rows)('%s', async (_, work, kinds) => {
    expect(
      await kindsAfter(async (tx, user, actor) => {
        await first(tx, user, actor)
        await work(tx, user, actor)
      }),
    ).toEqual(kinds)
  })

  it('that is not there is not told when it is taken away', async () => {
    expect(
      await kindsAfter((tx, { id: userId }) => unlockUser(tx, { actor: admin, userId })),
    ).toEqual([])
  })
})
