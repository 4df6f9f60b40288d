import { describe, expect, it } from 'vitest'
import {
  countAccounts,
  editAccount,
  editSettings,
  findAccountPage,
  openAccount,
  type SettingsEdit,
} from '../../db/account-changes.ts'
import { findAccount } from '../../db/accounts.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor } from '../../db/record.ts'
import { countRoles } from '../../db/role-lists.ts'
import { predefinedRoles } from '../../policies/roles.ts'
import { addAccount, made, temporaryDatabase } from '../support/database.ts'

const actor = systemActor

const withAccount = async () => {
  const database = await temporaryDatabase()
  const account = await addAccount(database)
  const of = { actor, accountId: account.id }
  const set = (settings: SettingsEdit, more: { accountId?: string; version?: number } = {}) =>
    transact(database, (tx) => editSettings(tx, { ...of, settings, ...more }))
  const edit = (edited: object, more: { accountId?: string; version?: number } = {}) =>
    transact(database, (tx) => editAccount(tx, { ...of, edit: edited, ...more }))
  const open = (name: string, more: object = {}) =>
    transact(database, (tx) => openAccount(tx, { actor, name, ...more }))
  return { database, account, set, edit, open }
}

describe('the settings of an account', () => {
  it('are edited in parts, as news for all of it, and audited', async () => {
    const { database, account, set } = await withAccount()
    const seq = await lastChange(database)
    const edit = {
      lockout: { limit: 3 },
      sessions: { idleMinutes: 15 },
      channels: ['email', 'email'],
      supportAddress: 'help@example.com',
    } as const
    const changed = made(await set({ ...edit, channels: [...edit.channels] }, { version: 1 }))
    const expected = {
      lockout: { ...account.settings.lockout, limit: 3 },
      sessions: { idleMinutes: 15, absoluteHours: 24 },
      channels: ['email'],
      supportAddress: 'help@example.com',
      passwords: account.settings.passwords,
    }
    expect(changed).toMatchObject({ settings: expected, version: 2 })
    expect(await findAccount(database, account.id)).toEqual(changed)
    expect(await findChangesSince(database, seq)).toMatchObject([{ kind: 'account', userId: null }])
    const event = (await findEventsAfter(database, 0, 100)).at(-1)!
    expect(event.action).toBe('account.changed')
    expect(JSON.parse(event.before!)).toMatchObject({ settings: { lockout: { limit: 5 } } })
    expect(JSON.parse(event.after!)).toMatchObject({ settings: { lockout: { limit: 3 } } })
  })

  it.each<readonly [string, object, readonly string[]]>([
    ['a limit of none', { lockout: { limit: 0 } }, ['lockout.limit']],
    ['a short password', { passwords: { minLength: 7 } }, ['passwords.minLength']],
    ['an unknown mode', { secondFactor: 'sometimes' }, ['secondFactor']],
    ['an unknown setting', { lockout: { x: 1 }, y: 1 }, ['lockout.x', 'y']],
    ['an unknown channel', { channels: ['pigeon'] }, ['channels.0']],
    ['no channel', { channels: [] }, ['channels']],
    ['no address', { supportAddress: 'a@b\r\nBcc: c@d' }, ['supportAddress']],
    ['locks that shrink', { lockout: { maxLockSeconds: 899 } }, ['lockout.maxLockSeconds']],
    ['a name in place of a number', { bindLimit: 'four' }, ['bindLimit']],
    ['a group in place of a number', { bindLimit: { a: 1 } }, ['bindLimit']],
    ['a list in place of a group', { sessions: [] }, ['sessions']],
  ])('are left as they are by %s', async (_, settings, paths) => {
    const { database, account, set, edit, open } = await withAccount()
    const told = (result: object) =>
      'faults' in result
        ? (result.faults as { path: string }[]).map(({ path }) => path).toSorted()
        : result
    expect(told(await set(settings))).toEqual(paths)
    const under = paths.map((path) => `settings.${path}`)
    expect(told(await edit({ settings }))).toEqual(under)
    expect(told(await open('other', { settings }))).toEqual(under)
    expect(await findAccount(database, account.id)).toEqual(account)
  })

  it('take no channel when no second factor is owed', async () => {
    const { set } = await withAccount()
    made(await set({ channels: [], secondFactor: 'never' }))
  })

  it('are left alone by who meant an older version, or another account', async () => {
    const { set, edit } = await withAccount()
    expect(await set({}, { version: 2 })).toEqual({ refused: 'stale' })
    expect(await edit({}, { version: 2 })).toEqual({ refused: 'stale' })
    expect(await set({}, { accountId: 'none' })).toEqual({ refused: 'not-found' })
    expect(await edit({}, { accountId: 'none' })).toEqual({ refused: 'not-found' })
  })
})

describe('accounts', () => {
  it('are opened with their predefined roles and settings', async () => {
    const { database, open } = await withAccount()
    const account = made(
      await open('Acme', { type: 'reseller', region: 'eu', settings: { bindLimit: 9 } }),
    )
    expect(account).toMatchObject({ name: 'Acme', type: 'reseller', region: 'eu' })
    expect((await findAccount(database, account.id))?.settings.bindLimit).toBe(9)
    expect(await countRoles(database, account.id)).toBe(predefinedRoles.length)
  })

  it('have names of their own', async () => {
    const { open, edit } = await withAccount()
    expect(await open('default')).toEqual({ refused: 'name-taken' })
    made(await open('other'))
    expect(await edit({ name: 'other' })).toEqual({ refused: 'name-taken' })
    expect(await edit({ name: 'default', region: 'asia' })).toMatchObject({ region: 'asia' })
    expect(await open('', { region: ' ' })).toMatchObject({
      faults: [{ path: 'name' }, { path: 'region' }],
    })
    expect(await edit({ name: 'a\nb' })).toMatchObject({ faults: [{ path: 'name' }] })
  })

  it('are listed by name, page after page', async () => {
    const { database, open } = await withAccount()
    for (const name of ['b', 'a', 'c']) made(await open(name))
    const names = async (after?: string) =>
      (await findAccountPage(database, { after, limit: 2 })).map(({ name }) => name)
    expect(await names()).toEqual(['a', 'b'])
    expect(await names('b')).toEqual(['c', 'default'])
    expect(await countAccounts(database)).toBe(4)
  })
})
