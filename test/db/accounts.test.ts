import { describe, expect, it } from 'vitest'
import { accountSettings, readAccountSettings } from '../../db/account-settings.ts'
import {
  createAccount,
  findAccount,
  findAccountByName,
  findFirstAccount,
  setAccountSettings,
} from '../../db/accounts.ts'
import { findChangesSince } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { addAccount, temporaryDatabase } from '../support/database.ts'

const actor = systemActor

describe('an account', () => {
  it('is made with the default settings, as news for everyone of it', async () => {
    const database = await temporaryDatabase()
    const account = await addAccount(database)
    expect(account.settings).toEqual({
      lockout: {
        limit: 5,
        windowSeconds: 900,
        lockSeconds: 900,
        maxLockSeconds: 86_400,
        untilUnlocked: false,
        strict: false,
        consecutiveLimit: 100,
      },
      passwords: { minLength: 12 },
      secondFactor: 'new-device',
      sessions: { idleMinutes: 60, absoluteHours: 24 },
      bindLimit: 4,
      channels: ['email', 'sms', 'voice'],
      supportAddress: null,
    })
    expect(await findAccount(database, account.id)).toEqual(account)
    expect(await findAccountByName(database, 'default')).toEqual(account)
    expect(await findFirstAccount(database)).toEqual(account)
    expect(await findChangesSince(database, 0)).toMatchObject([
      { kind: 'account', accountId: account.id, userId: null },
    ])
  })

  it('is not made twice under one name', async () => {
    const database = await temporaryDatabase()
    await addAccount(database)
    const again = transact(database, (tx) => createAccount(tx, { actor, name: 'default' }))
    expect(await again).toEqual({ refused: 'name-taken' })
  })

  it('takes new settings as a whole', async () => {
    const database = await temporaryDatabase()
    const { id } = await addAccount(database)
    const set = (accountId: string) =>
      transact(database, (tx) =>
        setAccountSettings(tx, { actor, accountId, settings: { passwords: { minLength: 16 } } }),
      )
    expect(await set(id)).toMatchObject({ version: 2, settings: { passwords: { minLength: 16 } } })
    expect((await findAccount(database, id))?.settings.passwords.minLength).toBe(16)
    expect(await set('nobody')).toBeUndefined()
  })
})

describe('settings', () => {
  it('have defaults for what is not written', () => {
    expect(readAccountSettings('{"lockout":{"limit":3}}')).toEqual({
      ...accountSettings.parse({}),
      lockout: { ...accountSettings.parse({}).lockout, limit: 3 },
    })
  })

  it.each([
    '',
    'null',
    '{"lockout":{"limit":0}}',
    '{"lockout":{"limit":"5"}}',
    '{"passwords":{"minLength":7}}',
    '{"lockout":{"limt":5}}',
    '{"bindLimit":-1}',
  ])('are not read from %j', (text) => {
    expect(() => readAccountSettings(text)).toThrow()
  })
})
