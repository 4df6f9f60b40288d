import { describe, expect, it } from 'vitest'
import { transact, type Database } from '../../db/database.ts'
import { findLocks, recordLock, type Lock } from '../../db/locks.ts'
import {
  createPasswordReset,
  findPasswordReset,
  prunePasswordResets,
  usePasswordReset,
  type ResetPurpose,
} from '../../db/password-resets.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { setProfile } from '../../db/user-profile.ts'
import { findUser } from '../../db/user-rows.ts'
import { setUserEnabled } from '../../db/users.ts'
import {
  addAccount,
  addUser,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const digest = digestToken('a token')
const actor = { channel: 'web', source: '192.0.2.7' } as const
const hour = 3_600_000

const withLink = async (purpose: ResetPurpose = 'reset') => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  const user = await addUser(database, account.id, {
    ...{ username: 'alice', email: 'alice@example.com', passwordHash: 'before' },
  })
  await transact(database, (tx) => createPasswordReset(tx, { user, purpose, digest }))
  return { clock, database, user }
}

const use = (database: Database, hash = 'after') =>
  transact(database, (tx) => usePasswordReset(tx, { actor, digest, hash }))

describe('a link to set a password', () => {
  it('is found as often as it is looked for, and used once (G8)', async () => {
    const { database, user } = await withLink()
    for (let times = 0; times < 2; times++)
      expect(await findPasswordReset(database, digest)).toMatchObject({
        ...{ purpose: 'reset', expiresAt: someTime + hour, user: { id: user.id } },
      })
    expect(await use(database)).toMatchObject({ passwordHash: 'after' })
    expect(await findPasswordReset(database, digest)).toBeUndefined()
    expect(await use(database, 'again')).toEqual({ refused: 'link-over' })
    expect((await findUser(database, user.id))?.passwordHash).toBe('after')
  })

  it('that is used twice at once is used once (G3)', async () => {
    const { database } = await withLink()
    const used = await Promise.all([use(database, 'one'), use(database, 'other')])
    expect(used.filter((it) => 'refused' in it)).toHaveLength(1)
  })

  it.each([
    ['reset', hour],
    ['created', 7 * 24 * hour],
    ['setup', 24 * hour],
  ] as const)('of the kind %s is good for so long', async (purpose, life) => {
    const { clock, database } = await withLink(purpose)
    clock.at += life - 1
    expect(await findPasswordReset(database, digest)).toBeDefined()
    clock.at += 1
    expect(await findPasswordReset(database, digest)).toBeUndefined()
    expect(await use(database)).toEqual({ refused: 'link-over' })
  })

  it.each([
    [
      'the password is another',
      (database: Database, userId: string) =>
        transact(database, (tx) => setPassword(tx, { actor: systemActor, userId, hash: 'x' })),
    ],
    [
      'the address is another',
      (database: Database, userId: string) =>
        transact(database, (tx) =>
          setProfile(tx, { actor: systemActor, userId, profile: { email: 'b@example.com' } }),
        ),
    ],
    [
      'the user is disabled',
      (database: Database, userId: string) =>
        transact(database, (tx) =>
          setUserEnabled(tx, { actor: systemActor, userId, enabled: false }),
        ),
    ],
  ])('is of no use when %s', async (_, change) => {
    const { database, user } = await withLink()
    await change(database, user.id)
    expect(await findPasswordReset(database, digest)).toBeUndefined()
    expect(await use(database)).toEqual({ refused: 'link-over' })
  })

  it('takes the locks away with the password that was guessed at', async () => {
    const { database, user } = await withLink()
    const lock: Lock = {
      ...{ bucket: 'unknown', lockedAt: someTime, lockedUntil: Infinity, locks: 1 },
      consecutive: 100,
      channels: ['http'],
      sources: ['192.0.2.9'],
    }
    await transact(database, (tx) => recordLock(tx, { userId: user.id, lock }))
    await use(database)
    expect(await findLocks(database, user.id, someTime)).toEqual([])
  })

  it('is forgotten when it is over for long', async () => {
    const { clock, database } = await withLink()
    expect(await transact(database, (tx) => prunePasswordResets(tx))).toBe(0)
    clock.at += 8 * 24 * hour
    expect(await transact(database, (tx) => prunePasswordResets(tx))).toBe(1)
  })
})
