import { describe, expect, it } from 'vitest'
import { lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { clearLocks, findLocks, recordLock, unlockUser, type Lock } from '../../db/locks.ts'
import { findPrincipal, type Principal } from '../../db/principals.ts'
import { systemActor } from '../../db/record.ts'
import {
  addAccount,
  addUser,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const actor = systemActor
const day = 86_400_000

const withUser = async () => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  const user = await addUser(database, account.id, {
    username: 'Alice',
    roles: ['auditor'],
    safelist: [{ range: '192.0.2.0/24' }],
    apiAccess: { http: true, smpp: false },
    passwordHash: 'hash',
  })
  const userId = user.id
  const find = async (): Promise<Principal> => (await findPrincipal(database, 'alice'))!
  return { clock, database, account, userId, find }
}

const lock: Lock = {
  bucket: 'known 192.0.2.7',
  lockedAt: someTime,
  lockedUntil: someTime + 1000,
  locks: 2,
  consecutive: 7,
  channels: ['http', 'smpp'],
  sources: ['192.0.2.7'],
}

describe('locks', () => {
  it('are written down with all that the counters need, news and audit', async () => {
    const { clock, database, userId, find } = await withUser()
    const seq = await lastChange(database)
    await transact(database, (tx) => recordLock(tx, { userId, lock }))
    expect(await lastChange(database)).toBe(seq + 1)
    const principal = await find()
    expect(principal.locks).toEqual(new Map([[lock.bucket, lock.lockedUntil]]))
    expect(principal.writtenLocks).toEqual([lock])
    clock.at = lock.lockedUntil
    expect((await find()).locks.size).toBe(0)
    expect((await find()).writtenLocks).toEqual([lock])
    expect(await findLocks(database, userId, clock.at)).toEqual([])
    clock.at += 30 * day
    expect((await find()).writtenLocks).toEqual([])
  })

  it('until unlocked never end by themselves', async () => {
    const { clock, database, userId, find } = await withUser()
    await transact(database, (tx) =>
      recordLock(tx, { userId, lock: { ...lock, lockedUntil: Infinity } }),
    )
    clock.at += 1000 * day
    expect((await find()).locks).toEqual(new Map([[lock.bucket, Infinity]]))
  })

  it('keep the later end when two processes lock the same bucket', async () => {
    const { database, userId, find } = await withUser()
    for (const lockedUntil of [someTime + 5000, someTime + 1000]) {
      await transact(database, (tx) => recordLock(tx, { userId, lock: { ...lock, lockedUntil } }))
    }
    expect((await find()).locks).toEqual(new Map([[lock.bucket, someTime + 5000]]))
  })

  it('are gone when cleared, all or those of one bucket', async () => {
    const { database, userId, find } = await withUser()
    const lockAll = async (): Promise<void> => {
      for (const bucket of ['a', 'b']) {
        await transact(database, (tx) => recordLock(tx, { userId, lock: { ...lock, bucket } }))
      }
    }
    await lockAll()
    await transact(database, (tx) => clearLocks(tx, { actor, userId, bucket: 'a' }))
    expect([...(await find()).locks.keys()]).toEqual(['b'])
    await lockAll()
    const result = await transact(database, (tx) => clearLocks(tx, { actor, userId }))
    expect(result).toMatchObject({ cleared: [{ bucket: 'b' }, { bucket: 'a' }] })
    expect((await find()).locks.size).toBe(0)
  })

  it('are passed over when they are written behind an unlock that came after them', async () => {
    const { clock, database, userId, find } = await withUser()
    clock.at += 10
    await transact(database, (tx) => unlockUser(tx, { actor, userId }))
    clock.at += 10
    await transact(database, (tx) => recordLock(tx, { userId, lock }))
    expect((await find()).writtenLocks).toEqual([])
    const next = { ...lock, lockedAt: clock.at, lockedUntil: clock.at + 1000 }
    await transact(database, (tx) => recordLock(tx, { userId, lock: next }))
    expect((await find()).writtenLocks).toEqual([next])
  })

  it('that are not over stay when those that are over are forgotten', async () => {
    const { database, userId, find } = await withUser()
    const forget = (over: number) =>
      transact(database, (tx) => clearLocks(tx, { actor, userId, bucket: lock.bucket, over }))
    await transact(database, (tx) => recordLock(tx, { userId, lock }))
    const seq = await lastChange(database)
    expect(await forget(lock.lockedUntil - 1)).toEqual({ cleared: [] })
    expect(await lastChange(database)).toBe(seq)
    expect((await find()).writtenLocks).toEqual([lock])
    expect(await forget(lock.lockedUntil)).toEqual({ cleared: [lock] })
    expect((await find()).writtenLocks).toEqual([])
  })
})
