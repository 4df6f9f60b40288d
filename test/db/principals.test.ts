import { describe, expect, it } from 'vitest'
import { setAccountSettings } from '../../db/accounts.ts'
import { lastChange } from '../../db/changes.ts'
import { transact, type Database } from '../../db/database.ts'
import { setPassword } from '../../db/passwords.ts'
import { findPrincipal, findPrincipalById, type Principal } from '../../db/principals.ts'
import { systemActor } from '../../db/record.ts'
import { grantRole } from '../../db/roles.ts'
import { replaceSafelist } from '../../db/safelists.ts'
import { addSource } from '../../db/source-rows.ts'
import { setApiAccess, setUserEnabled } from '../../db/users.ts'
import { address } from '../../policies/address.ts'
import { defaultLockoutRules } from '../../policies/lockout.ts'
import { holds } from '../../policies/permissions.ts'
import { closedSafelist, covers } from '../../policies/safelist.ts'
import {
  addAccount,
  addUser,
  byHand,
  type Clock,
  damage,
  isPostgres,
  someTime,
  temporaryDatabase,
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

const seen = (database: Database, userId: string, source: string, lastAt: number, more = {}) =>
  transact(database, (tx) =>
    addSource(tx, {
      userId,
      channel: 'http',
      source,
      sourceGroup: source,
      outcome: 'permitted',
      reason: '',
      firstAt: lastAt,
      lastAt,
      count: 1,
      ...more,
    }),
  )

describe('a principal', () => {
  it('is all that an enforcement point needs, in one go', async () => {
    const { database, account, userId, find } = await withUser()
    const principal = await find()
    expect(principal).toMatchObject({
      user: {
        id: userId,
        accountId: account.id,
        username: 'Alice',
        credentialEpoch: 1,
        enabled: true,
        apiAccess: { http: true, smpp: false },
        lockoutRules: defaultLockoutRules,
      },
      passwordHash: 'hash',
      smppPasswordHash: undefined,
      previousSmppPassword: undefined,
      broken: undefined,
      asOf: await lastChange(database),
    })
    const { safelist, permissions } = principal.user
    expect(covers(safelist, address('192.0.2.7'), someTime)).toBe(true)
    expect(covers(safelist, address('203.0.113.7'), someTime)).toBe(false)
    expect(holds(permissions, 'events/view')).toBe(true)
    expect(holds(permissions, 'users/manage')).toBe(false)
    expect(await findPrincipalById(database, userId)).toEqual(principal)
  })

  it('is nobody under a name or id that is no user’s', async () => {
    const { database } = await withUser()
    expect(await findPrincipal(database, 'bob')).toBeUndefined()
    expect(await findPrincipal(database, "' or 1=1 --")).toBeUndefined()
    expect(await findPrincipalById(database, 'x')).toBeUndefined()
  })

  it('without a safelist is allowed everywhere', async () => {
    const { database, userId, find } = await withUser()
    await transact(database, (tx) => replaceSafelist(tx, { actor, userId, entries: [] }))
    expect((await find()).user.safelist.allowsAll).toBe(true)
  })

  it('whose entries have all expired is allowed nowhere', async () => {
    const { clock, database, userId, find } = await withUser()
    const entries = [{ range: '192.0.2.7', expiresAt: someTime + 1 }]
    await transact(database, (tx) => replaceSafelist(tx, { actor, userId, entries }))
    const { safelist } = (await find()).user
    expect(covers(safelist, address('192.0.2.7'), clock.at)).toBe(true)
    expect(covers(safelist, address('192.0.2.7'), clock.at + 1)).toBe(false)
  })

  it.each(['', '192.0.2.0/', '192.0.2.0/33', '1/8', '0.0.0.0/0 ', 'x'])(
    'whose safelist was broken by hand to %j is allowed nowhere, and says why (A4)',
    async (range) => {
      const { database, userId, find } = await withUser()
      if (isPostgres && range === '')
        await damage(
          database,
          'alter table safelist_entries drop constraint safelist_entries_range_form',
        )
      await byHand(
        database,
        `update safelist_entries set range = '${range}' where user_id = '${userId}'`,
      )
      const principal = await find()
      expect(principal.user.safelist).toBe(closedSafelist)
      expect(principal.broken).toEqual(expect.any(String))
    },
  )

  it('whose account settings were broken by hand is not found at all', async () => {
    const { database } = await withUser()
    await byHand(database, `update accounts set settings = '{"lockout":{"limit":0}}'`)
    await expect(findPrincipal(database, 'alice')).rejects.toThrow()
  })

  it('follows every change', async () => {
    const { database, account, userId, find } = await withUser()
    await transact(database, async (tx) => {
      await setUserEnabled(tx, { actor, userId, enabled: false })
      await setApiAccess(tx, { actor, userId, http: false, smpp: true })
      await setPassword(tx, { actor, userId, hash: 'other' })
      await grantRole(tx, { actor, userId, roleId: 'user-manager' })
      await setAccountSettings(tx, {
        actor,
        accountId: account.id,
        settings: { lockout: { limit: 3, windowSeconds: 60 }, bindLimit: 9 },
      })
    })
    const { user, passwordHash, accountSettings, asOf } = await find()
    expect(user).toMatchObject({
      enabled: false,
      apiAccess: { http: false, smpp: true },
      credentialEpoch: 2,
      lockoutRules: { ...defaultLockoutRules, limit: 3, windowMs: 60_000 },
    })
    expect(passwordHash).toBe('other')
    expect(accountSettings.bindLimit).toBe(9)
    expect(holds(user.permissions, 'users/manage')).toBe(true)
    expect(asOf).toBe(await lastChange(database))
  })

  it('is of one moment, however fast it changes', async () => {
    const { database, userId, find } = await withUser()
    const both = (on: boolean) =>
      transact(database, async (tx) => {
        await setApiAccess(tx, { actor, userId, http: on, smpp: on })
        const entries = on ? [{ range: '192.0.2.1' }] : [{ range: '203.0.113.1' }]
        await replaceSafelist(tx, { actor, userId, entries })
      })
    await both(false)
    const reading = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn++) {
        const { user } = await find()
        const isListed = covers(user.safelist, address('192.0.2.1'), someTime)
        expect(user.apiAccess).toEqual({ http: isListed, smpp: isListed })
        await new Promise(setImmediate)
      }
    }
    const writing = async (): Promise<void> => {
      for (let turn = 0; turn < 100; turn++) await both(turn % 2 === 0)
    }
    await Promise.all([reading(), reading(), writing()])
  })

  it('is read while others change without a pause', async () => {
    const { database, account, find } = await withUser()
    let isOver = false
    const writing = async (): Promise<void> => {
      for (let turn = 0; !isOver; turn++) {
        await addUser(database, account.id, { username: `other-${turn}` })
      }
    }
    const others = writing()
    for (let turn = 0; turn < 200; turn++) await find()
    isOver = true
    await others
    expect((await find()).asOf).toBe(await lastChange(database))
  })
})

describe('known sources', () => {
  it('are where the user succeeded within 30 days, the latest time of each', async () => {
    const { database, userId, find } = await withUser()
    await seen(database, userId, '192.0.2.1', someTime - day)
    await seen(database, userId, '192.0.2.1', someTime - 2 * day, { channel: 'smpp' })
    await seen(database, userId, '192.0.2.2', someTime - 30 * day)
    await seen(database, userId, '192.0.2.3', someTime - 30 * day - 1)
    await seen(database, userId, '192.0.2.4', someTime, { outcome: 'refused', reason: 'x' })
    await seen(database, 'somebody', '192.0.2.5', someTime)
    expect((await find()).knownSources).toEqual(
      new Map([
        ['192.0.2.1', someTime - day],
        ['192.0.2.2', someTime - 30 * day],
      ]),
    )
  })

  it('are the thousand latest', async () => {
    const { database, userId, find } = await withUser()
    await transact(database, async (tx) => {
      for (let index = 0; index < 1100; index++) {
        const source = `10.0.${index >> 8}.${index & 255}`
        await addSource(tx, {
          userId,
          channel: 'http',
          source,
          sourceGroup: source,
          outcome: 'permitted',
          reason: '',
          firstAt: someTime - index,
          lastAt: someTime - index,
          count: 1,
        })
      }
    })
    const { knownSources } = await find()
    expect(knownSources.size).toBe(1000)
    expect(Math.min(...knownSources.values())).toBe(someTime - 999)
  })
})
