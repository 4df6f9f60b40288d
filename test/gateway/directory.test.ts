import { expect, test } from 'vitest'
import type { BucketLock } from '../../db/attempts.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact, type Database } from '../../db/database.ts'
import { recordLock, unlockUser } from '../../db/locks.ts'
import { systemActor as actor } from '../../db/record.ts'
import { createFingerprints } from '../../db/secrets.ts'
import { setUserEnabled } from '../../db/users.ts'
import { createDirectory, type Directory } from '../../gateway/directory.ts'
import {
  addAccount,
  addUser,
  byHand,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const lock = {
  bucket: 'unknown',
  lockedAt: someTime,
  lockedUntil: someTime + 900_000,
  locks: 1,
  consecutive: 5,
  channels: ['http' as const],
  sources: ['203.0.113.7'],
}

/** A directory of few users; `restored` are the locks that were handed to the counters. */
const createTestDirectory = (database: Database, most = 4) => {
  const restored: BucketLock[] = []
  const directory = createDirectory({
    database,
    fingerprints: createFingerprints(database.key),
    most,
    onBroken: () => undefined,
    restore: async (it) => {
      restored.push(it)
    },
  })
  return { directory, restored }
}

/** As the feed would: tells all news since the beginning. */
const tellNews = async (database: Database, directory: Directory): Promise<void> => {
  for (const change of await findChangesSince(database, 0)) directory.drop(change)
}

const withUser = async () => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  const user = await addUser(database, account.id, { username: 'alice' })
  return { clock, database, account, user }
}

type Statement = { readonly execute: (values?: unknown) => Promise<unknown> }

/** A database in which something happens after the last of the statements that read a user. */
const slowDatabase = (database: Database, then: () => Promise<void>): Database => {
  let left = 7
  const prepared = (build: Parameters<Database['prepared']>[0]): Statement => {
    const statement = database.prepared(build) as Statement
    const execute = async (values?: unknown): Promise<unknown> => {
      const rows = await statement.execute(values)
      left -= 1
      if (left === 0) await then()
      return rows
    }
    return { execute }
  }
  return { ...database, prepared: prepared as Database['prepared'] }
}

test('restores no lock that was unlocked while its user was being read', async () => {
  const { database, user } = await withUser()
  await transact(database, (tx) => recordLock(tx, { userId: user.id, lock }))
  const slow = slowDatabase(database, async () => {
    await transact(database, (tx) => unlockUser(tx, { actor, userId: user.id }))
    await tellNews(database, directory)
  })
  const { directory, restored } = createTestDirectory(slow)
  const resident = await directory.find('alice')
  expect(resident?.asOf).toBe(await lastChange(database))
  expect(resident?.locks.size).toBe(0)
  expect(restored).toEqual([])
})

test('restores a lock once, however often its user is read', async () => {
  const { database, user } = await withUser()
  await transact(database, (tx) => recordLock(tx, { userId: user.id, lock }))
  const { directory, restored } = createTestDirectory(database)
  for (let at = 0; at < 3; at++) {
    await directory.find('alice')
    await tellNews(database, directory)
  }
  expect(restored).toMatchObject([lock])
})

test('knows where a user succeeded although that is not written yet', async () => {
  const { clock, database, user } = await withUser()
  const { directory } = createTestDirectory(database)
  await directory.find('alice')
  directory.succeeded(user.id, '203.0.113.7', clock.at)
  const change = { actor, userId: user.id, enabled: false }
  await transact(database, (tx) => setUserEnabled(tx, change))
  await tellNews(database, directory)
  expect((await directory.find('alice'))?.knownSources.get('203.0.113.7')).toBe(clock.at)
})

test('keeps the thousand latest places where a user succeeded', async () => {
  const { clock, database, user } = await withUser()
  const { directory } = createTestDirectory(database)
  const resident = await directory.find('alice')
  for (let at = 0; at < 3_000; at++) directory.succeeded(user.id, `group ${at}`, ++clock.at)
  expect(resident?.knownSources.size).toBe(1_000)
  expect(resident?.knownSources.has('group 2999')).toBe(true)
})

test('holds no more users than it was told to, by name and by id', async () => {
  const { database, account } = await withUser()
  const { directory } = createTestDirectory(database)
  for (let at = 0; at < 20; at++) {
    const { id } = await addUser(database, account.id, { username: `user-${at}` })
    await directory.find(`user-${at}`)
    await directory.findById(id)
  }
  expect(directory.size()).toBeLessThanOrEqual(4)
})

test('reads a user once for all who ask at the same moment', async () => {
  const { database } = await withUser()
  const { directory } = createTestDirectory(database)
  const found = await Promise.all(Array.from({ length: 50 }, () => directory.find('alice')))
  expect(new Set(found).size).toBe(1)
})

test('keeps nobody who was read before the directory went back', async () => {
  const { database, user } = await withUser()
  const before = await lastChange(database)
  await transact(database, (tx) => setUserEnabled(tx, { actor, userId: user.id, enabled: false }))
  const slow = slowDatabase(database, async () => {
    await byHand(
      database,
      `delete from changes where seq > ${before}`,
      `update users set enabled = 1 where id = '${user.id}'`,
    )
    directory.forgetAll()
  })
  const { directory } = createTestDirectory(slow)
  expect((await directory.findById(user.id))?.user.enabled).toBe(true)
  await transact(database, (tx) => setUserEnabled(tx, { actor, userId: user.id, enabled: false }))
  await tellNews(database, directory)
  expect((await directory.findById(user.id))?.user.enabled).toBe(false)
})
