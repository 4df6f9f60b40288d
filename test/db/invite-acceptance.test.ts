import { describe, expect, it } from 'vitest'
import { deleteRole, createRole } from '../../db/custom-roles.ts'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { acceptInvite } from '../../db/invite-acceptance.ts'
import { findInvite } from '../../db/invite-rows.ts'
import { createInvite, revokeInvite } from '../../db/invites.ts'
import { findPrincipalById } from '../../db/principals.ts'
import { systemActor, type Actor } from '../../db/record.ts'
import { findRolesOf, grantRole, revokeRole } from '../../db/roles.ts'
import { digestToken } from '../../db/secrets.ts'
import { countUsers, setUserEnabled } from '../../db/users.ts'
import { address } from '../../policies/address.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import { covers } from '../../policies/safelist.ts'
import {
  addAccount,
  addUser,
  made,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const held = compilePermissions(['*', 'api-access/manage', 'safelist/manage'])
const visitor: Actor = { channel: 'web', source: '192.0.2.7' }
const day = 86_400_000

const withInvite = async () => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const { id: accountId } = await addAccount(database)
  await addUser(database, accountId, { username: 'other', roles: ['account-admin'] })
  const admin = await addUser(database, accountId, { username: 'root', roles: ['account-admin'] })
  const by = { actor: { userId: admin.id, channel: 'http' as const }, accountId, held }
  const role = made(
    await transact(database, (tx) =>
      createRole(tx, { ...by, name: 'Sender', permissions: ['sms/send'] }),
    ),
  )
  const invite = made(
    await transact(database, (tx) =>
      createInvite(tx, {
        ...by,
        email: 'alice@example.com',
        profile: { firstName: 'Alice', language: 'fr', mobileNumber: '+4915112345678' },
        roles: ['user-manager', role.id],
        safelist: [{ range: '192.0.2.0/24', description: 'office', expiresAt: someTime + 9 * day }],
        apiAccess: { http: true, smpp: false },
        digest: digestToken('link'),
      }),
    ),
  )
  const accept = (more: Partial<Parameters<typeof acceptInvite>[1]> = {}) =>
    transact(database, (tx) =>
      acceptInvite(tx, {
        actor: visitor,
        digest: digestToken('link'),
        username: 'alice',
        passwordHash: 'hash',
        ...more,
      }),
    )
  return { clock, database, accountId, admin, by, role, invite, accept }
}

describe('accepting an invite (U7)', () => {
  it('makes the person a user with all that the invite gives, and is audited', async () => {
    const { database, accountId, invite, accept } = await withInvite()
    const user = made(await accept({ profile: { lastName: 'Liddell', language: 'de' } }))
    expect(user).toMatchObject({
      accountId,
      username: 'alice',
      email: 'alice@example.com',
      emailVerified: true,
      firstName: 'Alice',
      lastName: 'Liddell',
      language: 'de',
      mobileNumber: '+4915112345678',
      mobileVerified: false,
      passwordHash: 'hash',
      httpBasic: true,
      smppBasic: false,
    })
    expect((await findRolesOf(database, user.id)).map(({ name }) => name)).toEqual([
      'Sender',
      'User manager',
    ])
    const { safelist } = (await findPrincipalById(database, user.id))!.user
    expect(covers(safelist, address('192.0.2.7'), someTime)).toBe(true)
    expect(covers(safelist, address('192.0.2.7'), someTime + 9 * day)).toBe(false)
    expect(covers(safelist, address('203.0.113.7'), someTime)).toBe(false)
    expect(await findInvite(database, accountId, invite.id)).toMatchObject({
      state: 'accepted',
      acceptedAt: someTime,
      acceptedUserId: user.id,
    })
    expect((await findEventsAfter(database, 0, 100)).slice(-2)).toMatchObject([
      { action: 'user.created', userId: user.id, source: '192.0.2.7' },
      { action: 'invite.accepted', actorId: user.id },
    ])
  })

  it('succeeds once when two accept at once (G3)', async () => {
    const { database, accept } = await withInvite()
    const names = ['alice', 'alice2', 'alice3']
    const results = await Promise.all(names.map((username) => accept({ username })))
    expect(results.filter((it) => 'id' in it)).toHaveLength(1)
    expect(results.filter((it) => 'refused' in it && it.refused === 'invite-over')).toHaveLength(2)
    expect(await countUsers(database)).toBe(3)
  })

  it.each(['root', 'ROOT'])(
    'leaves the invite as it is when the username %s is taken',
    async (name) => {
      const { accept } = await withInvite()
      expect(await accept({ username: name })).toEqual({ refused: 'username-taken' })
      expect(await accept({ username: 'a b' })).toMatchObject({ faults: [{ path: 'username' }] })
      made(await accept())
    },
  )

  it('is refused for a link that there is not, or that is over', async () => {
    const { clock, database, by, invite, accept } = await withInvite()
    const over = { refused: 'invite-over' }
    expect(await accept({ digest: digestToken('guess') })).toEqual(over)
    clock.at += 7 * day
    expect(await accept()).toEqual(over)
    clock.at -= 1
    await transact(database, (tx) => revokeInvite(tx, { ...by, id: invite.id }))
    expect(await accept()).toEqual(over)
  })

  it('is refused when the address has become that of a user', async () => {
    const { database, accountId, accept } = await withInvite()
    await addUser(database, accountId, { username: 'quick', email: 'ALICE@example.com' })
    expect(await accept()).toEqual({ refused: 'email-taken' })
  })

  it('is void while the inviter may not give what it gives', async () => {
    const { database, admin, role, accept } = await withInvite()
    const actor = systemActor
    const userId = admin.id
    const enable = (enabled: boolean) =>
      transact(database, (tx) => setUserEnabled(tx, { actor, userId, enabled }))
    const take = (roleId: string) =>
      transact(database, (tx) => revokeRole(tx, { actor, userId, roleId }))
    const give = (roleId: string) =>
      transact(database, (tx) => grantRole(tx, { actor, userId, roleId }))
    const isVoid = async () => {
      expect(await accept()).toEqual({ refused: 'invite-void' })
    }
    await enable(false)
    await isVoid()
    await enable(true)
    await take('account-admin')
    await isVoid()
    // All roles, but neither the protocols nor the safelist.
    await give('user-manager')
    await give(role.id)
    await isVoid()
    await give('account-admin')
    made(await accept())
  })

  it('is void when a role of it is gone', async () => {
    const { database, by, role, accept } = await withInvite()
    made(await transact(database, (tx) => deleteRole(tx, { ...by, roleId: role.id })))
    expect(await accept()).toEqual({ refused: 'invite-void' })
  })
})
