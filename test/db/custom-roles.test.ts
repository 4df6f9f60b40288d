import { describe, expect, it } from 'vitest'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { createRole, deleteRole, editRole } from '../../db/custom-roles.ts'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { findPrincipalById } from '../../db/principals.ts'
import { systemActor } from '../../db/record.ts'
import {
  countHolders,
  countRoles,
  findHeldPermissions,
  findHolders,
  findRole,
  findRolePage,
} from '../../db/role-lists.ts'
import { grantRole } from '../../db/roles.ts'
import { compilePermissions, holds } from '../../policies/permissions.ts'
import { predefinedRoles } from '../../policies/roles.ts'
import { addAccount, addUser, made, temporaryDatabase } from '../support/database.ts'

const actor = systemActor
const all = compilePermissions(['*'])
const some = compilePermissions(['roles/manage', 'users/view'])

const withRole = async (permissions: readonly string[] = ['sms/send']) => {
  const database = await temporaryDatabase()
  const { id: accountId } = await addAccount(database)
  const create = (more: Partial<Parameters<typeof createRole>[1]> = {}) =>
    transact(database, (tx) =>
      createRole(tx, { actor, accountId, held: all, name: 'Sender', permissions, ...more }),
    )
  const role = made(await create())
  const of = { actor, accountId, held: all, roleId: role.id }
  type Editing = Partial<Parameters<typeof editRole>[1]>
  const edit = (draft: Editing['draft'] = {}, more: Editing = {}) =>
    transact(database, (tx) => editRole(tx, { ...of, draft, ...more }))
  const remove = (more: Partial<Parameters<typeof deleteRole>[1]> = {}) =>
    transact(database, (tx) => deleteRole(tx, { ...of, ...more }))
  return { database, accountId, role, create, edit, remove }
}

describe('a custom role (U5)', () => {
  it('is made once, as news for the account and audit', async () => {
    const { database, accountId, role } = await withRole(['sms/send', 'sms/send', 'users/*'])
    expect(role).toMatchObject({ name: 'Sender', permissions: ['sms/send', 'users/*'] })
    expect(await findChangesSince(database, 0)).toMatchObject([
      { kind: 'account' },
      { kind: 'role', accountId, userId: null },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'role.created',
      accountId,
      after: expect.stringContaining('"permissions":["sms/send","users/*"]') as string,
    })
  })

  it.each([
    ['the name is empty', { name: '' }, 'name'],
    ['the name has blanks around it', { name: ' Sender' }, 'name'],
    ['the name turns the text around', { name: 'Admin\u202e' }, 'name'],
    ['a permission cannot be read', { permissions: ['users/view', 'Users'] }, 'permissions.1'],
    ['a permission is reserved', { permissions: ['safelist/manage'] }, 'permissions.0'],
    ['an area is reserved', { permissions: ['accounts/*'] }, 'permissions.0'],
  ])('is not made when %s', async (_, more, path) => {
    const { database, accountId, create, edit } = await withRole()
    expect(await create({ name: 'Other', ...more })).toMatchObject({ faults: [{ path }] })
    expect(await edit(more)).toMatchObject({ faults: [{ path }] })
    expect(await countRoles(database, accountId)).toBe(predefinedRoles.length + 1)
  })

  it('names all faults at once', async () => {
    const { create } = await withRole()
    expect(await create({ name: '', permissions: ['x', 'api-access/manage'] })).toMatchObject({
      faults: [{ path: 'name' }, { path: 'permissions.0' }, { path: 'permissions.1' }],
    })
  })

  it.each([['sender'], ['ACCOUNT ADMIN']])(
    'is refused the name %j, which is taken',
    async (name) => {
      const { create, edit } = await withRole()
      expect(await create({ name })).toEqual({ refused: 'name-taken' })
      made(await create({ name: 'Other' }))
      const other = await edit({ name: 'OTHER' })
      expect(other).toEqual({ refused: 'name-taken' })
      expect(made(await edit({ name: 'SENDER' })).name).toBe('SENDER')
    },
  )

  it('reaches no further than who makes it (H1)', async () => {
    const { create } = await withRole()
    const more = { held: some, name: 'Other' }
    for (const permission of ['users/manage', '*', 'users/*'])
      expect(await create({ ...more, permissions: [permission] })).toEqual({
        refused: 'beyond-own-rights',
      })
    made(await create({ ...more, permissions: ['users/view'] }))
  })

  it('that gives more than is held is neither edited nor deleted (H1)', async () => {
    const { edit, remove } = await withRole()
    const refused = { refused: 'beyond-own-rights' }
    expect(await edit({ name: 'Mine' }, { held: some })).toEqual(refused)
    expect(await remove({ held: some })).toEqual(refused)
  })

  it('is not edited to give more than is held', async () => {
    const { edit } = await withRole(['users/view'])
    expect(await edit({ permissions: ['users/manage'] }, { held: some })).toEqual({
      refused: 'beyond-own-rights',
    })
  })

  it('gives what it says at once to whoever holds it', async () => {
    const { database, accountId, role, edit } = await withRole()
    const user = await addUser(database, accountId, { username: 'alice', roles: [role.id] })
    const held = async () => (await findPrincipalById(database, user.id))!.user.permissions
    expect(holds(await held(), 'sms/send')).toBe(true)
    const seq = await lastChange(database)
    expect(await edit({ permissions: ['mms/send'] }, { version: 1 })).toMatchObject({ version: 2 })
    expect(holds(await held(), 'sms/send')).toBe(false)
    expect(await findChangesSince(database, seq)).toMatchObject([{ kind: 'role', userId: null }])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'role.changed',
      before: expect.stringContaining('["sms/send"]') as string,
      after: expect.stringContaining('["mms/send"]') as string,
    })
  })

  it('is left alone by who meant an older version (H8)', async () => {
    const { edit, remove } = await withRole()
    await edit({ description: 'sends' })
    expect(await edit({ name: 'Other' }, { version: 1 })).toEqual({ refused: 'stale' })
    expect(await remove({ version: 1 })).toEqual({ refused: 'stale' })
  })

  it('is deleted once nobody holds it', async () => {
    const { database, accountId, role, remove } = await withRole()
    const user = await addUser(database, accountId, { username: 'alice', roles: [role.id] })
    expect(await remove()).toEqual({ refused: 'role-in-use' })
    const { remove: removeOther } = await withRole()
    expect(made(await removeOther()).name).toBe('Sender')
    expect(await findHolders(database, { accountId, roleId: role.id, limit: 5 })).toEqual([
      { id: user.id, username: 'alice' },
    ])
    expect(await countHolders(database, role.id)).toBe(1)
  })

  it('is gone when deleted, and the audit knows what it was', async () => {
    const { database, accountId, role, remove } = await withRole()
    made(await remove())
    expect(await findRole(database, accountId, role.id)).toBeUndefined()
    expect(await remove()).toEqual({ refused: 'role-unknown' })
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'role.deleted',
      before: expect.stringContaining('"name":"Sender"') as string,
    })
  })

  it('of another account is as good as none', async () => {
    const { database, edit, remove } = await withRole()
    const { id: accountId } = await addAccount(database, 'other')
    expect(await edit({}, { accountId })).toEqual({ refused: 'role-unknown' })
    expect(await remove({ accountId })).toEqual({ refused: 'role-unknown' })
  })
})

describe('predefined roles', () => {
  it.each(predefinedRoles.map(({ id }) => id))(
    '%s is neither edited nor deleted',
    async (roleId) => {
      const { edit, remove } = await withRole()
      expect(await edit({ permissions: [] }, { roleId })).toEqual({ refused: 'role-predefined' })
      expect(await remove({ roleId })).toEqual({ refused: 'role-predefined' })
    },
  )
})

describe('the list of roles', () => {
  it('goes by names, page after page, within one account', async () => {
    const { database, accountId, role } = await withRole()
    await addAccount(database, 'other')
    const names: string[] = []
    for (let after = ''; ;) {
      const page = await findRolePage(database, { accountId, after, limit: 3 })
      const last = page.at(-1)
      if (last === undefined) break
      names.push(...page.map(({ name }) => name))
      after = last.nameKey
    }
    const expected = [...predefinedRoles.map(({ name }) => name), role.name]
    expect(names).toEqual(expected.toSorted((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)))
    expect(await countRoles(database, accountId)).toBe(names.length)
  })
})

describe('the permissions of a user', () => {
  it('come each with the roles that give it', async () => {
    const { database, accountId, role } = await withRole(['users/view', 'sms/send'])
    const user = await addUser(database, accountId, { username: 'alice', roles: [role.id] })
    await transact(database, (tx) =>
      grantRole(tx, { actor, userId: user.id, roleId: 'user-manager' }),
    )
    const given = (await findHeldPermissions(database, user.id)).map(({ permission, roles }) => [
      permission,
      roles.map(({ name }) => name),
    ])
    expect(given).toEqual([
      ['roles/view', ['User manager']],
      ['sms/send', ['Sender']],
      ['users/invite', ['User manager']],
      ['users/manage', ['User manager']],
      ['users/view', ['Sender', 'User manager']],
    ])
  })
})
