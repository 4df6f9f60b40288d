import { eq } from 'drizzle-orm'
import { describe, expect, it } from 'vitest'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact, type Database } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { recordLock } from '../../db/locks.ts'
import { systemActor, type Actor } from '../../db/record.ts'
import { findRoles, findRolesOf, grantRole, grantsOfRole, revokeRole } from '../../db/roles.ts'
import { roles, userRoles } from '../../db/schema/users.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { predefinedRoles } from '../../policies/roles.ts'
import { addAccount, addUser, someTime, temporaryDatabase } from '../support/database.ts'

const actorOf = (user: UserRow): Actor => ({ userId: user.id, channel: 'http' })

const grant = (database: Database, actor: Actor, userId: string, roleId: string) =>
  transact(database, (tx) => grantRole(tx, { actor, userId, roleId }))

const revoke = (database: Database, actor: Actor, userId: string, roleId = 'account-admin') =>
  transact(database, (tx) => revokeRole(tx, { actor, userId, roleId }))

const withAdmins = async () => {
  const database = await temporaryDatabase()
  const account = await addAccount(database)
  const [one, two] = [
    await addUser(database, account.id, { username: 'one', roles: ['account-admin'] }),
    await addUser(database, account.id, { username: 'two', roles: ['account-admin'] }),
  ]
  return { database, account, one, two }
}

const heldBy = async (database: Database, userId: string) =>
  (await findRolesOf(database, userId)).map(({ predefined }) => predefined)

describe('roles', () => {
  it('are predefined in every account, with the permissions of the code', async () => {
    const { database, account } = await withAdmins()
    const names = predefinedRoles.map(({ id }) => id)
    const found = await findRoles(database, account.id, names)
    expect(found?.map((role) => [role.predefined, grantsOfRole(role)]).toSorted()).toEqual(
      predefinedRoles.map(({ id, permissions }) => [id, permissions]).toSorted(),
    )
  })

  it('are found in their own account only', async () => {
    const { database, account } = await withAdmins()
    const other = await addAccount(database, 'other')
    const [role] = (await findRoles(database, other.id, ['auditor'])) ?? []
    expect(await findRoles(database, account.id, [role!.id])).toBeUndefined()
    const user = await addUser(database, account.id, { username: 'carol' })
    expect(await grant(database, systemActor, user.id, role!.id)).toEqual({
      refused: 'role-unknown',
    })
  })

  it('of another account cannot be written, whoever forgot to look', async () => {
    const { database, one } = await withAdmins()
    const other = await addAccount(database, 'other')
    const [role] = (await findRoles(database, other.id, ['auditor'])) ?? []
    const writing = transact(database, async (tx) => {
      await tx.queries.insert(userRoles).values({ userId: one.id, roleId: role!.id, grantedAt: 1 })
    })
    await expect(writing).rejects.toThrow(/another account/)
  })

  it('never move to another account, nor become predefined', async () => {
    const { database, account } = await withAdmins()
    const [role] = (await findRoles(database, account.id, ['api-user'])) ?? []
    const writing = transact(database, async (tx) => {
      await tx.queries.update(roles).set({ predefined: 'x' }).where(eq(roles.id, role!.id))
    })
    await expect(writing).rejects.toThrow(/never change/)
  })
})

describe('granting and revoking (U5)', () => {
  it('are in force, news and audit', async () => {
    const { database, account, one } = await withAdmins()
    const user = await addUser(database, account.id, { username: 'carol', roles: ['auditor'] })
    const seq = await lastChange(database)
    expect(await grant(database, actorOf(one), user.id, 'api-user')).toEqual({ changed: true })
    expect(await heldBy(database, user.id)).toEqual(['api-user', 'auditor'])
    expect(await revoke(database, actorOf(one), user.id, 'auditor')).toEqual({ changed: true })
    expect(await heldBy(database, user.id)).toEqual(['api-user'])
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'roles', userId: user.id },
      { kind: 'roles', userId: user.id },
    ])
    const events = await findEventsAfter(database, 0, 100)
    expect(events.slice(-2)).toMatchObject([
      {
        action: 'user.role-granted',
        actorId: one.id,
        before: '{"roles":["Auditor"]}',
        after: '{"roles":["Auditor","API user"]}',
      },
      { action: 'user.role-revoked', after: '{"roles":["API user"]}' },
    ])
  })

  it('change nothing, and say so, when nothing is to be done', async () => {
    const { database, one } = await withAdmins()
    const seq = await lastChange(database)
    expect(await grant(database, systemActor, one.id, 'account-admin')).toEqual({ changed: false })
    expect(await revoke(database, systemActor, one.id, 'auditor')).toEqual({ changed: false })
    expect(await lastChange(database)).toBe(seq)
  })

  it('leave the last active Account admin as one', async () => {
    const { database, one, two } = await withAdmins()
    expect(await revoke(database, actorOf(one), two.id)).toEqual({ changed: true })
    expect(await revoke(database, actorOf(one), one.id)).toEqual({ refused: 'last-admin' })
    expect(await revoke(database, actorOf(one), one.id, 'auditor')).toEqual({ changed: false })
  })

  it('do not take an admin for active who is locked until somebody unlocks', async () => {
    const { database, one, two } = await withAdmins()
    const lock = {
      bucket: 'all',
      lockedAt: someTime,
      lockedUntil: Infinity,
      locks: 1,
      consecutive: 100,
      channels: ['http'],
      sources: [],
    } as const
    await transact(database, (tx) => recordLock(tx, { userId: two.id, lock }))
    expect(await revoke(database, actorOf(two), one.id)).toEqual({ refused: 'last-admin' })
    expect(await revoke(database, actorOf(one), two.id)).toEqual({ changed: true })
  })

  it('leave one of two admins who demote each other at once, 100 times (H2)', async () => {
    const { database, one, two } = await withAdmins()
    for (let turn = 0; turn < 100; turn++) {
      const results = await Promise.all([
        revoke(database, actorOf(one), two.id),
        revoke(database, actorOf(two), one.id),
      ])
      expect(results).toEqual([{ changed: true }, { refused: 'last-admin' }])
      expect(await heldBy(database, one.id)).toEqual(['account-admin'])
      await grant(database, systemActor, two.id, 'account-admin')
    }
  })
})
