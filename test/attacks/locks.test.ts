import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { AccountSettingsInput } from '../../db/account-settings.ts'
import { setAccountSettings } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { findLocks, unlockUser } from '../../db/locks.ts'
import { systemActor as actor } from '../../db/record.ts'
import { findRefusal } from '../../db/refusals.ts'
import { changes } from '../../db/schema/audit.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setUserEnabled } from '../../db/users.ts'
import { countHashes } from '../support/attempts.ts'
import { createShiftedClock, type ShiftedClock } from '../support/clock.ts'
import { basic, startGateway, type TestGateway } from '../support/gateway.ts'
import { startUpstream } from '../support/upstream.ts'

const right = 'the-right-secret'
const minute = 60_000
const office = '203.0.113.7'
const stranger = '198.51.100.9'

type World = {
  readonly gateway: TestGateway
  readonly clock: ShiftedClock
  readonly user: UserRow
  /** `permit`, or why not. */
  readonly call: (password: string, from?: string) => Promise<string>
  readonly guess: (times: number, from?: string, word?: string) => Promise<void>
  readonly restart: () => Promise<World>
}

/** A gateway behind a proxy on loopback, so that a test can come from any address. */
const open = async (dataDir: string, clock: ShiftedClock, upstream: string): Promise<World> => {
  const gateway = await startGateway({
    env: { HTTP_UPSTREAM: upstream, TRUSTED_PROXIES: '127.0.0.0/8' },
    file: { limits: { floorMs: 0 } },
    system: clock,
    dataDir,
  })
  onTestFinished(() => gateway.stop())
  const { core } = gateway
  const user =
    (await core.directory.find('alice')) ??
    (await gateway.addUser({ username: 'alice', password: right }),
    await core.directory.find('alice'))
  const call: World['call'] = async (password, from = stranger) => {
    const response = await fetch(gateway.url, {
      headers: { authorization: basic('alice', password), 'x-forwarded-for': from },
    })
    if (response.status === 200) return 'permit'
    await core.refusals.flush()
    const id = response.headers.get('x-sallyport-decision') ?? ''
    return (await findRefusal(core.database, id))?.event.reason ?? ''
  }
  let guesses = 0
  return {
    gateway,
    clock,
    user: { id: user?.user.id, accountId: user?.user.accountId } as UserRow,
    call,
    guess: async (times, from, word = 'secret-wrong') => {
      for (let at = 0; at < times; at++)
        expect(await call(`guess ${clock.now()} ${++guesses}`, from)).toBe(word)
    },
    restart: async () => {
      await gateway.stop()
      return open(dataDir, clock, upstream)
    },
  }
}

const openWorld = async (settings?: AccountSettingsInput): Promise<World> => {
  const upstream = await startUpstream()
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-locks-'))
  onTestFinished(async () => {
    await upstream.stop()
    rmSync(dataDir, { recursive: true, force: true })
  })
  const world = await open(dataDir, createShiftedClock(), upstream.url)
  const { accountId } = world.user
  if (settings !== undefined)
    await transact(world.gateway.core.database, (tx) =>
      setAccountSettings(tx, { actor, accountId, settings }),
    )
  return world
}

test('a lock lasts fifteen minutes, and the next one half an hour', async () => {
  const { clock, call, guess } = await openWorld()
  await guess(5)
  clock.pass(15 * minute - 5_000)
  expect(await call(right)).toBe('user-locked')
  clock.pass(5_000)
  await guess(5)
  clock.pass(30 * minute - 5_000)
  expect(await call(right)).toBe('user-locked')
  clock.pass(5_000)
  expect(await call(right)).toBe('permit')
})

test('B3 failures at 0, 50 and 100 s of a window of 120 s end with it', async () => {
  const { clock, call, guess } = await openWorld({ lockout: { limit: 4, windowSeconds: 120 } })
  for (const at of [0, 50, 50]) {
    clock.pass(at * 1_000)
    await guess(1)
  }
  clock.pass(21_000)
  await guess(3)
  expect(await call(right)).toBe('permit')
})

test('a lock outlives a restart, and so does how often there was one', async () => {
  const before = await openWorld()
  await before.guess(5)
  const { clock, call, guess } = await before.restart()
  expect(await call(right)).toBe('user-locked')
  clock.pass(15 * minute)
  await guess(5)
  clock.pass(15 * minute)
  expect(await call(right)).toBe('user-locked')
})

test('an unlock is in force at once, for a lock of before the restart too', async () => {
  const before = await openWorld()
  await before.guess(5)
  const { gateway, user, call, guess } = await before.restart()
  const unlock = () =>
    transact(gateway.core.database, (tx) => unlockUser(tx, { actor, userId: user.id }))
  expect(await call(right)).toBe('user-locked')
  await unlock()
  await guess(4)
  expect(await call(right)).toBe('permit')
  await guess(5)
  await unlock()
  expect(await call(right)).toBe('permit')
})

test('an unlock that is heard of late forgets no guess since', async () => {
  const { gateway, clock, user, call, guess } = await openWorld()
  await guess(4)
  await transact(gateway.core.database, async (tx) => {
    const { id: userId, accountId } = user
    const change = { accountId, userId, kind: 'unlock' as const, at: clock.now() - minute }
    await tx.queries.insert(changes).values(change)
    tx.announce()
  })
  await guess(1)
  expect(await call(right)).toBe('user-locked')
})

test('an unlock holds after a restart', async () => {
  const before = await openWorld()
  await before.guess(5)
  await transact(before.gateway.core.database, (tx) =>
    unlockUser(tx, { actor, userId: before.user.id }),
  )
  const { call } = await before.restart()
  expect(await call(right)).toBe('permit')
})

test('B13 a day long strangers guess, and the user comes in where they usually are', async () => {
  const { gateway, clock, call, guess } = await openWorld()
  expect(await call(right, office)).toBe('permit')
  await guess(5, stranger)
  for (let hour = 0; hour < 24; hour++) {
    for (let at = 0; at < 10; at++)
      await call(`guess ${hour} ${at}`, `198.51.100.${hour * 10 + at}`)
    expect(await call(right, stranger)).toBe('user-locked')
    expect(await call(right, office)).toBe('permit')
    // Within the hour what is counted is written.
    await gateway.core.sources.flush()
    clock.pass(60 * minute)
  }
})

test('B13 a first success counts at once, whatever strangers do in the same second', async () => {
  const { gateway, user, call, guess } = await openWorld()
  await guess(4, stranger)
  expect(await call(right, office)).toBe('permit')
  await guess(5, stranger)
  expect(await call(right, office)).toBe('permit')
  const { database } = gateway.core
  for (const enabled of [false, true])
    await transact(database, (tx) => setUserEnabled(tx, { actor, userId: user.id, enabled }))
  expect(await call(right, office)).toBe('permit')
  expect(await call(right, stranger)).toBe('user-locked')
})

test('who guesses where the user usually is locks that place and no other', async () => {
  const { call, guess } = await openWorld()
  expect(await call(right, office)).toBe('permit')
  await guess(5, office)
  expect(await call(right, office)).toBe('user-locked')
  expect(await call(right, stranger)).toBe('permit')
})

test('a known source is known after a restart', async () => {
  const before = await openWorld()
  expect(await before.call(right, office)).toBe('permit')
  const { call, guess } = await before.restart()
  await guess(5, stranger)
  expect(await call(right, office)).toBe('permit')
})

test('where the account is strict, five wrong passwords from anywhere lock everywhere', async () => {
  const { call, guess } = await openWorld({ lockout: { strict: true } })
  expect(await call(right, office)).toBe('permit')
  await guess(5, stranger)
  expect(await call(right, office)).toBe('user-locked')
})

test('where the account says so, a lock lasts until an admin unlocks', async () => {
  const before = await openWorld({ lockout: { untilUnlocked: true } })
  await before.guess(5)
  before.clock.pass(400 * 86_400_000)
  expect(await before.call(right)).toBe('user-locked')
  const { gateway, user, call } = await before.restart()
  expect(await call(right)).toBe('user-locked')
  await transact(gateway.core.database, (tx) => unlockUser(tx, { actor, userId: user.id }))
  expect(await call(right)).toBe('permit')
})

test('while locked nothing is hashed and nothing is counted', async () => {
  const { gateway, user, call, guess } = await openWorld()
  await guess(5)
  const { hashes } = countHashes(gateway.core)
  const locks = () => findLocks(gateway.core.database, user.id, 0)
  const before = await locks()
  await guess(20, stranger, 'user-locked')
  expect(await call(right)).toBe('user-locked')
  expect(hashes()).toBe(0)
  expect(await locks()).toEqual(before)
})

test('I4 who was locked comes in after it, also while nothing can be written', async () => {
  const { gateway, clock, call, guess } = await openWorld()
  await guess(5)
  clock.pass(16 * minute)
  const { database } = gateway.core
  const { takeTurn } = database
  Object.assign(database, { takeTurn: () => Promise.reject(new Error('disk full')) })
  const response = await fetch(gateway.url, {
    headers: { authorization: basic('alice', right), 'x-forwarded-for': stranger },
  })
  Object.assign(database, { takeTurn })
  expect(response.status).toBe(200)
  expect(await call(right)).toBe('permit')
})
