import { describe, expect, it } from 'vitest'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import {
  countInvites,
  findInvite,
  findInviteByDigest,
  findInvitePage,
  type InviteState,
} from '../../db/invite-rows.ts'
import { createInvite, resendInvite, revokeInvite } from '../../db/invites.ts'
import { findRoles } from '../../db/roles.ts'
import { digestToken } from '../../db/secrets.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import {
  addAccount,
  addUser,
  made,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const all = compilePermissions(['*', 'api-access/manage', 'safelist/manage'])
const inviting = compilePermissions(['users/view', 'users/manage', 'users/invite', 'roles/view'])
const day = 86_400_000

const withInvite = async () => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const { id: accountId } = await addAccount(database)
  const admin = await addUser(database, accountId, { username: 'root', email: 'root@example.com' })
  const actor = { userId: admin.id, channel: 'http' as const, source: '192.0.2.7' }
  const by = { actor, accountId, held: all }
  let number = 0
  const invite = (more: Partial<Parameters<typeof createInvite>[1]> = {}) =>
    transact(database, (tx) =>
      createInvite(tx, {
        ...by,
        email: 'alice@example.com',
        roles: ['api-user'],
        digest: digestToken(`link ${number++}`),
        ...more,
      }),
    )
  const first = made(await invite())
  const resend = (more: Partial<Parameters<typeof resendInvite>[1]> = {}) =>
    transact(database, (tx) =>
      resendInvite(tx, { ...by, id: first.id, digest: digestToken('again'), ...more }),
    )
  const revoke = (more: Partial<Parameters<typeof revokeInvite>[1]> = {}) =>
    transact(database, (tx) => revokeInvite(tx, { ...by, id: first.id, ...more }))
  const emails = async (state?: InviteState) =>
    (await findInvitePage(database, { accountId, state, limit: 10 })).map(({ email }) => email)
  return { clock, database, accountId, admin, first, invite, resend, revoke, emails }
}

describe('an invite (U7)', () => {
  it('is pending for seven days, with what the person will be', async () => {
    const { clock, database, accountId, admin, invite } = await withInvite()
    const { id } = made(
      await invite({
        email: 'Bob@Example.com',
        profile: { firstName: 'Bob', language: 'fr' },
        roles: ['auditor'],
        safelist: [{ range: '192.0.2.7/24', description: 'office' }],
        apiAccess: { http: true, smpp: false },
      }),
    )
    const view = await findInvite(database, accountId, id)
    expect(view).toMatchObject({
      email: 'Bob@Example.com',
      profile: { firstName: 'Bob', language: 'fr' },
      roles: [{ name: 'Auditor' }],
      safelist: [{ range: '192.0.2.0/24', description: 'office' }],
      apiAccess: { http: true, smpp: false },
      invitedBy: { id: admin.id, username: 'root' },
      state: 'pending',
      sentAt: someTime,
      expiresAt: someTime + 7 * day,
    })
    expect(view).not.toHaveProperty('digest')
    clock.at += 7 * day - 1
    expect(await findInvite(database, accountId, id)).toHaveProperty('state', 'pending')
    clock.at += 1
    expect(await findInvite(database, accountId, id)).toHaveProperty('state', 'expired')
  })

  it('is audited without the digest of its link', async () => {
    const { database, admin, accountId } = await withInvite()
    const event = (await findEventsAfter(database, 0, 100)).at(-1)!
    expect(event).toMatchObject({ action: 'invite.created', actorId: admin.id, accountId })
    expect(event.after).toContain('alice@example.com')
    expect(event.after).not.toContain(digestToken('link 0'))
  })

  it.each([
    ['no address', { email: 'a@b@c' }, ['email']],
    ['a line break behind the address (C3)', { email: 'a@ex.com\r\nBcc: x' }, ['email']],
    ['a list of addresses', { email: 'a@ex.com,evil@x' }, ['email']],
    ['no mobile number', { profile: { mobileNumber: '0170' } }, ['mobileNumber']],
    ['a bad range', { email: 'x', safelist: [{ range: '10.1' }] }, ['email', 'entries.0.range']],
  ])('is not made with %s', async (_, more, paths) => {
    const { invite } = await withInvite()
    expect(await invite(more)).toMatchObject({ faults: paths.map((path) => ({ path })) })
  })

  it('is made once for an address, and not for that of a user', async () => {
    const { invite } = await withInvite()
    expect(await invite({ email: 'ALICE@example.com' })).toEqual({ refused: 'email-taken' })
    expect(await invite({ email: 'Root@example.com' })).toEqual({ refused: 'email-taken' })
  })

  it('is made anew when the one before is over, which stays as it was', async () => {
    const { clock, invite, revoke, database, accountId, first } = await withInvite()
    clock.at += 7 * day
    made(await invite())
    expect(await findInvite(database, accountId, first.id)).toHaveProperty('state', 'expired')
    expect(await revoke()).toEqual({ refused: 'invite-over' })
    expect(await countInvites(database, { accountId, state: 'expired' })).toBe(1)
    expect(await countInvites(database, { accountId, state: 'pending' })).toBe(1)
  })

  it.each([
    ['a role with more rights', { roles: ['account-admin'] }],
    ['basic credentials on HTTP', { apiAccess: { http: true, smpp: false } }],
    ['basic credentials on SMPP', { apiAccess: { http: false, smpp: true } }],
    ['a safelist', { safelist: [{ range: '192.0.2.0/24' }] }],
  ])('reaches no further than its inviter: not %s (H1)', async (_, more) => {
    const { invite } = await withInvite()
    const by = { email: 'bob@example.com', held: inviting }
    expect(await invite({ ...by, ...more })).toEqual({ refused: 'beyond-own-rights' })
    made(await invite({ ...by, roles: ['user-manager'] }))
  })

  it('gives no role that there is not', async () => {
    const { database, invite } = await withInvite()
    const other = await addAccount(database, 'other')
    const [foreign] = (await findRoles(database, other.id, ['auditor'])) ?? []
    for (const role of ['nobody', foreign!.id])
      expect(await invite({ email: 'b@example.com', roles: [role] })).toEqual({
        refused: 'role-unknown',
      })
  })

  it('has another link and seven days anew when it is resent, also after it expired', async () => {
    const { clock, database, first, resend } = await withInvite()
    clock.at += 9 * day
    expect(await resend({ version: 1 })).toMatchObject({
      id: first.id,
      state: 'pending',
      sentAt: clock.at,
      expiresAt: clock.at + 7 * day,
      version: 2,
    })
    expect(await findInviteByDigest(database, digestToken('link 0'))).toBeUndefined()
    expect(await findInviteByDigest(database, digestToken('again'))).toHaveProperty('id', first.id)
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toHaveProperty(
      'action',
      'invite.resent',
    )
  })

  it('is not resent to who became a user otherwise', async () => {
    const { database, accountId, resend } = await withInvite()
    await addUser(database, accountId, { username: 'alice', email: 'Alice@Example.com' })
    expect(await resend()).toEqual({ refused: 'email-taken' })
  })

  it('is over when it is revoked', async () => {
    const { database, accountId, first, resend, revoke } = await withInvite()
    expect(await revoke()).toMatchObject({ state: 'revoked', revokedAt: someTime })
    expect(await findInvite(database, accountId, first.id)).toHaveProperty('state', 'revoked')
    expect(await revoke()).toEqual({ refused: 'invite-over' })
    expect(await resend()).toEqual({ refused: 'invite-over' })
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toHaveProperty(
      'action',
      'invite.revoked',
    )
  })

  it('is touched by nobody who holds less, means an older version, or is elsewhere', async () => {
    const { database, invite, resend, revoke } = await withInvite()
    const { id } = made(await invite({ email: 'boss@example.com', roles: ['account-admin'] }))
    const beyond = { refused: 'beyond-own-rights' }
    expect(await resend({ id, held: inviting })).toEqual(beyond)
    expect(await revoke({ id, held: inviting })).toEqual(beyond)
    expect(await resend({ version: 7 })).toEqual({ refused: 'stale' })
    expect(await revoke({ version: 7 })).toEqual({ refused: 'stale' })
    const { id: accountId } = await addAccount(database, 'other')
    expect(await resend({ accountId })).toEqual({ refused: 'not-found' })
    expect(await revoke({ accountId })).toEqual({ refused: 'not-found' })
    expect(await findInvite(database, accountId, id)).toBeUndefined()
  })
})

describe('the list of invites', () => {
  it('goes by age, the newest first, each state by itself', async () => {
    const { clock, database, accountId, invite, revoke, emails } = await withInvite()
    await revoke()
    clock.at += 1
    made(await invite({ email: 'old@example.com' }))
    clock.at += 7 * day
    for (const email of ['one@example.com', 'two@example.com']) made(await invite({ email }))
    expect(await emails()).toEqual([
      'two@example.com',
      'one@example.com',
      'old@example.com',
      'alice@example.com',
    ])
    expect(await emails('pending')).toEqual(['two@example.com', 'one@example.com'])
    expect(await emails('expired')).toEqual(['old@example.com'])
    expect(await emails('revoked')).toEqual(['alice@example.com'])
    expect(await emails('accepted')).toEqual([])
    const [newest] = await findInvitePage(database, { accountId, limit: 1 })
    const rest = await findInvitePage(database, { accountId, after: newest!.id, limit: 2 })
    expect(rest.map(({ email }) => email)).toEqual(['one@example.com', 'old@example.com'])
    expect(await countInvites(database, { accountId })).toBe(4)
    const { id: other } = await addAccount(database, 'other')
    expect(await findInvitePage(database, { accountId: other, limit: 5 })).toEqual([])
  })
})
