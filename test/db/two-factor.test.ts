import { describe, expect, it } from 'vitest'
import { editSettings } from '../../db/account-changes.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import {
  findAuthenticators,
  findDevices,
  removeAuthenticator,
  removeDevice,
} from '../../db/devices.ts'
import { findEventsAfter } from '../../db/events.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor } from '../../db/record.ts'
import { authenticators, devices } from '../../db/schema/credentials.ts'
import { digestToken } from '../../db/secrets.ts'
import { setTwoFactor } from '../../db/two-factor.ts'
import { findUser } from '../../db/user-rows.ts'
import {
  addAccount,
  addUser,
  byHand,
  made,
  someTime,
  temporaryDatabase,
} from '../support/database.ts'

const actor = systemActor
const day = 86_400_000

const withUser = async () => {
  const clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const { id: accountId } = await addAccount(database)
  const user = await addUser(database, accountId, { username: 'alice', email: 'a@example.com' })
  const of = { actor, accountId, userId: user.id }
  const set = (more: Partial<Parameters<typeof setTwoFactor>[1]>) =>
    transact(database, (tx) =>
      setTwoFactor(tx, { ...of, channel: 'email', mode: 'remembered', ...more }),
    )
  const addAuthenticator = (id: string, confirmedAt: number | null = someTime) =>
    transact(database, async (tx) => {
      const row = { id, userId: user.id, name: id, sealedSeed: 'planted-seed', confirmedAt }
      await tx.queries.insert(authenticators).values({ ...row, createdAt: someTime })
    })
  const addDevice = (id: string, more: object = {}) =>
    transact(database, async (tx) => {
      const times = { createdAt: someTime, lastUsedAt: someTime, expiresAt: someTime + 30 * day }
      const row = { id, userId: user.id, name: id, digest: digestToken(id), credentialEpoch: 1 }
      await tx.queries.insert(devices).values({ ...row, ...times, ...more })
    })
  const removeTotp = (id: string, more: object = {}) =>
    transact(database, (tx) => removeAuthenticator(tx, { ...of, id, ...more }))
  const remove = (id: string, more: object = {}) =>
    transact(database, (tx) => removeDevice(tx, { ...of, id, ...more }))
  const page = { ...of, limit: 10 }
  return { clock, database, of, user, page, set, addAuthenticator, addDevice, remove, removeTotp }
}

describe('the choice of a second factor (U11)', () => {
  it('is kept, as news and audit', async () => {
    const { database, user, set } = await withUser()
    const seq = await lastChange(database)
    expect(await set({ mode: 'always', version: 1 })).toMatchObject({ twoFactorMode: 'always' })
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'two-factor', userId: user.id },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'user.two-factor-changed',
      before: '{"twoFactorMode":"remembered"}',
      after: '{"twoFactorMode":"always"}',
    })
    await set({ mode: 'always' })
    expect(await findChangesSince(database, seq)).toHaveLength(1)
  })

  it.each(['sms', 'voice'] as const)(
    'takes %s once a mobile number is verified',
    async (channel) => {
      const { database, set } = await withUser()
      const faults = [{ path: 'channel' }]
      expect(await set({ channel })).toMatchObject({ faults })
      await byHand(database, "update users set mobile_number = '+4915112345678'")
      expect(await set({ channel })).toMatchObject({ faults })
      await byHand(database, 'update users set mobile_verified = (1 = 1)')
      expect(made(await set({ channel })).twoFactorChannel).toBe(channel)
    },
  )

  it('takes TOTP once a device is confirmed', async () => {
    const { set, addAuthenticator } = await withUser()
    await addAuthenticator('waiting', null)
    expect(await set({ channel: 'totp' })).toMatchObject({ faults: [{ path: 'channel' }] })
    await addAuthenticator('phone')
    expect(made(await set({ channel: 'totp' })).twoFactorChannel).toBe('totp')
  })

  it('is among what the account offers', async () => {
    const { database, of, set } = await withUser()
    await byHand(database, "update users set mobile_number = '+491', mobile_verified = (1 = 1)")
    const settings = { channels: ['sms' as const] }
    await transact(database, (tx) => editSettings(tx, { ...of, settings }))
    expect(await set({ channel: 'voice' })).toMatchObject({ faults: [{ path: 'channel' }] })
    made(await set({ channel: 'sms' }))
    expect(await set({ channel: 'email' })).toMatchObject({ faults: [{ path: 'channel' }] })
  })

  it('of a stale version, or of another account, is refused', async () => {
    const { database, set } = await withUser()
    expect(await set({ mode: 'always', version: 2 })).toEqual({ refused: 'stale' })
    const { id: accountId } = await addAccount(database, 'other')
    expect(await set({ accountId })).toEqual({ refused: 'user-unknown' })
  })
})

describe('TOTP devices (U10)', () => {
  it('are listed without their seeds and removed, as news and audit', async () => {
    const { database, page, user, addAuthenticator, removeTotp } = await withUser()
    await addAuthenticator('a')
    await addAuthenticator('b', null)
    const [first, second] = await findAuthenticators(database, page)
    expect([first, second]).toMatchObject([
      { id: 'a', confirmedAt: someTime },
      { id: 'b', confirmedAt: null },
    ])
    expect(JSON.stringify(first)).not.toContain('planted-seed')
    expect(await findAuthenticators(database, { ...page, after: 'a' })).toHaveLength(1)
    const seq = await lastChange(database)
    expect(await removeTotp('a')).toEqual({ removed: true })
    expect(await removeTotp('a')).toEqual({ refused: 'not-found' })
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'two-factor', userId: user.id },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'authenticator.removed',
      before: '{"id":"a","name":"a"}',
    })
  })

  it('leave PINs by e-mail to who chose such and has none left', async () => {
    const { database, user, set, addAuthenticator, removeTotp } = await withUser()
    await addAuthenticator('a')
    await addAuthenticator('b')
    made(await set({ channel: 'totp' }))
    const chosen = async () => (await findUser(database, user.id))?.twoFactorChannel
    await removeTotp('a')
    expect(await chosen()).toBe('totp')
    await removeTotp('b')
    expect(await chosen()).toBe('email')
  })

  it('of another user or account are as good as none', async () => {
    const { database, of, page, addAuthenticator, addDevice, remove, removeTotp } = await withUser()
    await addAuthenticator('a')
    await addDevice('d')
    const other = await addUser(database, of.accountId, { username: 'bob' })
    const { id: accountId } = await addAccount(database, 'other')
    for (const more of [{ userId: other.id }, { accountId }]) {
      expect(await removeTotp('a', more)).toEqual({ refused: 'not-found' })
      expect(await remove('d', more)).toEqual({ refused: 'not-found' })
      expect(await findAuthenticators(database, { ...page, ...more })).toEqual([])
      expect(await findDevices(database, { ...page, ...more })).toEqual([])
    }
    expect(await findAuthenticators(database, page)).toHaveLength(1)
    expect(await findDevices(database, page)).toHaveLength(1)
  })
})

describe('remembered browsers', () => {
  it('are listed while they are remembered, and removed as news and audit (G7)', async () => {
    const { clock, database, page, user, addDevice, remove } = await withUser()
    await addDevice('a', { expiresAt: someTime + day })
    await addDevice('b')
    const ids = async () => (await findDevices(database, page)).map(({ id }) => id)
    expect(await ids()).toEqual(['a', 'b'])
    expect((await findDevices(database, page))[0]).not.toHaveProperty('digest')
    clock.at += day
    expect(await ids()).toEqual(['b'])
    const seq = await lastChange(database)
    expect(await remove('b')).toEqual({ removed: true })
    expect(await remove('b')).toEqual({ refused: 'not-found' })
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'device', userId: user.id },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'device.removed',
    })
  })

  it('of before a change of password are not listed', async () => {
    const { database, page, user, addDevice } = await withUser()
    await addDevice('a')
    await transact(database, (tx) => setPassword(tx, { actor, userId: user.id, hash: 'new' }))
    expect(await findDevices(database, page)).toEqual([])
  })
})
