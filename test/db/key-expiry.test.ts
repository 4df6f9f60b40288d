import { expect, it } from 'vitest'
import { createApiKey, setApiKeyEnabled } from '../../db/api-keys.ts'
import { transact } from '../../db/database.ts'
import { recordExpiringKeys } from '../../db/key-expiry.ts'
import { systemActor as actor } from '../../db/record.ts'
import { notices } from '../../db/schema/notices.ts'
import { setUserEnabled } from '../../db/users.ts'
import {
  addAccount,
  addUser,
  made,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const day = 86_400_000

const withKey = async (days: number) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  const email = 'alice@example.com'
  const user = { username: 'alice', email, passwordHash: 'a hash' }
  const { id: userId } = await addUser(database, account.id, user)
  const addKey = async (name: string, expiresAt: number) =>
    made(
      await transact(database, (tx) =>
        createApiKey(tx, { actor, userId, name, digest: name.padEnd(64, 'f'), expiresAt }),
      ),
    )
  const key = await addKey('billing', someTime + days * day)
  /** How many were told of up to now, after a look by each of two nodes. */
  const look = async (): Promise<number> => {
    await Promise.all([recordExpiringKeys(database), recordExpiringKeys(database)])
    return (await database.queries.select().from(notices)).length
  }
  return { clock, database, userId, key, addKey, look }
}

it('a key is told of 7 days and 1 day before its end, once each', async () => {
  const { clock, key, database, look } = await withKey(30)
  expect(await look()).toBe(0)
  clock.at = someTime + 23 * day
  expect(await look()).toBe(1)
  for (const days of [24, 27, 28.9]) {
    clock.at = someTime + days * day
    expect(await look()).toBe(1)
  }
  clock.at = someTime + 29 * day
  expect(await look()).toBe(2)
  clock.at = someTime + 31 * day
  expect(await look()).toBe(2)
  const [first] = await database.queries.select().from(notices)
  const { id: keyId, expiresAt } = key
  expect(first?.facts).toEqual({ kind: 'key-expiring', keyId, expiresAt })
})

it('a key that was made for less than 7 days is told of on its last day alone', async () => {
  const { clock, look } = await withKey(3)
  expect(await look()).toBe(0)
  clock.at = someTime + 2.5 * day
  expect(await look()).toBe(1)
})

it('a key that was off at the first look is told of with the days that are left', async () => {
  const { clock, look } = await withKey(30)
  clock.at = someTime + 29.5 * day
  expect(await look()).toBe(1)
})

it.each(['the key', 'its user'])('a key is not told of while %s is disabled', async (what) => {
  const { clock, database, key, userId, look } = await withKey(30)
  await transact(database, async (tx): Promise<unknown> =>
    what === 'the key'
      ? setApiKeyEnabled(tx, { actor, id: key.id, enabled: false })
      : setUserEnabled(tx, { actor, userId, enabled: false }),
  )
  clock.at = someTime + 29 * day
  expect(await look()).toBe(0)
})

it('of many keys that end at the same moment each is told of', async () => {
  const { clock, addKey, look } = await withKey(30)
  for (let at = 0; at < 450; at++) await addKey(`key-${at}`, someTime + 30 * day)
  clock.at = someTime + 25 * day
  expect(await look()).toBe(451)
})
