import { describe, expect, it } from 'vitest'
import { deleteApiKey, editApiKey, issueApiKey, renewApiKey } from '../../db/api-key-changes.ts'
import { countApiKeys, findApiKeyPage, findApiKeyView } from '../../db/api-key-lists.ts'
import { findApiKey } from '../../db/api-keys.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import type { Actor } from '../../db/record.ts'
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
const keysOnly = compilePermissions(['api-keys/manage'])
const day = 86_400_000

const withKey = async (draft: Partial<Parameters<typeof issueApiKey>[1]['draft']> = {}) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const { id: accountId } = await addAccount(database)
  const user = await addUser(database, accountId, { username: 'carol', roles: ['auditor'] })
  const admin = await addUser(database, accountId, { username: 'root', roles: ['account-admin'] })
  const actor: Actor = { userId: admin.id, channel: 'http' }
  const by = { actor, accountId, held: all }
  let number = 0
  const issue = (more: Partial<Parameters<typeof issueApiKey>[1]> = {}) =>
    transact(database, (tx) =>
      issueApiKey(tx, {
        ...by,
        userId: user.id,
        digest: digestToken(`secret ${number++}`),
        draft: { name: 'billing', ...draft },
        ...more,
      }),
    )
  const key = made(await issue())
  type Edit = Partial<Parameters<typeof editApiKey>[1]>
  const edit = (of: Edit['draft'], more: Edit = {}) =>
    transact(database, (tx) => editApiKey(tx, { ...by, id: key.id, draft: of ?? {}, ...more }))
  const renew = (more: Partial<Parameters<typeof renewApiKey>[1]> = {}) =>
    transact(database, (tx) =>
      renewApiKey(tx, {
        ...by,
        id: key.id,
        digest: digestToken('new'),
        overlapSeconds: 0,
        ...more,
      }),
    )
  const remove = (more: Partial<Parameters<typeof deleteApiKey>[1]> = {}) =>
    transact(database, (tx) => deleteApiKey(tx, { ...by, id: key.id, ...more }))
  return { clock, database, accountId, user, admin, key, issue, edit, renew, remove }
}

describe('an API key (U13)', () => {
  it('is issued with what it may do, and no digest is shown', async () => {
    const { database, accountId, user } = await withKey({
      safelist: ['192.0.2.7/24'],
      permissions: ['users/view'],
      notBefore: someTime,
      expiresAt: someTime + 1,
    })
    const [key] = await findApiKeyPage(database, { accountId, limit: 5 })
    expect(key).toMatchObject({
      userId: user.id,
      username: 'carol',
      safelist: ['192.0.2.0/24'],
      permissions: ['users/view'],
      notBefore: someTime,
      expiresAt: someTime + 1,
      enabled: true,
      lastUsedAt: null,
    })
    expect(key).not.toHaveProperty('digest')
    expect(key).not.toHaveProperty('previousDigest')
  })

  it.each([
    ['its name', { name: '' }, ['name']],
    ['an address', { safelist: ['192.0.2.7', '10.1'] }, ['safelist.1']],
    ['an address that stands twice', { safelist: ['10.0.0.1', '10.0.0.1'] }, ['safelist.1']],
    ['a permission that cannot be read', { permissions: ['Users'] }, ['permissions.0']],
    ['a permission that its user lacks', { permissions: ['users/manage'] }, ['permissions.0']],
    ['a wildcard that its user lacks', { permissions: ['*'] }, ['permissions.0']],
    ['an end that is past', { expiresAt: someTime }, ['expiresAt']],
    ['an end before the begin', { notBefore: 2e12, expiresAt: 2e12 }, ['expiresAt']],
    ['a begin that is no time', { notBefore: 1.5 }, ['notBefore']],
    ['several', { name: '', permissions: ['x'] }, ['name', 'permissions.0']],
  ])('is neither issued nor edited when %s is at fault', async (_, draft, paths) => {
    const { issue, edit, database, accountId } = await withKey()
    const faults = paths.map((path) => ({ path }))
    expect(await issue({ draft: { name: 'x', ...draft } })).toMatchObject({ faults })
    expect(await edit(draft)).toMatchObject({ faults })
    expect(await countApiKeys(database, { accountId })).toBe(1)
  })

  it('is not issued for a user who holds more than who issues it (H1)', async () => {
    const { admin, user, issue } = await withKey()
    const refused = { refused: 'beyond-own-rights' }
    const actor: Actor = { userId: user.id, channel: 'http' }
    const asUser = { actor, held: keysOnly }
    expect(await issue({ ...asUser, userId: admin.id })).toEqual(refused)
    const narrow = { name: 'x', permissions: ['api-keys/manage'] }
    expect(await issue({ ...asUser, userId: admin.id, draft: narrow })).toEqual(refused)
    // One's own, by a key that is narrowed: not to be widened this way.
    expect(await issue(asUser)).toEqual(refused)
    made(
      await issue({
        actor,
        held: compilePermissions(['users/view']),
        draft: { name: 'x', permissions: ['users/view'] },
      }),
    )
  })

  it('is not touched by who holds less than it may do', async () => {
    const { user, edit, renew, remove } = await withKey()
    const actor: Actor = { userId: user.id, channel: 'http' }
    const asUser = { actor, held: keysOnly }
    const refused = { refused: 'beyond-own-rights' }
    expect(await edit({ enabled: true }, asUser)).toEqual(refused)
    expect(await renew(asUser)).toEqual(refused)
    expect(await remove(asUser)).toEqual(refused)
  })

  it('is not widened beyond what who edits it holds', async () => {
    const { user, edit } = await withKey({ permissions: ['users/view'] })
    const actor: Actor = { userId: user.id, channel: 'http' }
    const held = compilePermissions(['users/view'])
    expect(await edit({ permissions: null }, { actor, held })).toEqual({
      refused: 'beyond-own-rights',
    })
    expect(made(await edit({ name: 'mine' }, { actor, held })).name).toBe('mine')
  })

  it('is edited, as news and audit without secrets', async () => {
    const { database, user, key, edit } = await withKey()
    const seq = await lastChange(database)
    const draft = { name: 'reports', safelist: ['192.0.2.1'], expiresAt: someTime + day }
    expect(await edit({ ...draft, enabled: false }, { version: 1 })).toMatchObject({
      ...draft,
      enabled: false,
      version: 2,
    })
    expect((await findApiKey(database, digestToken('secret 0')))?.facts).toMatchObject({
      id: key.id,
      enabled: false,
      expiresAt: someTime + day,
    })
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'api-key', userId: user.id },
    ])
    const event = (await findEventsAfter(database, 0, 100)).at(-1)!
    expect(event).toMatchObject({ action: 'api-key.changed', userId: user.id })
    expect(JSON.parse(event.before!)).toMatchObject({ name: 'billing', enabled: true })
    expect(JSON.parse(event.after!)).toMatchObject({ name: 'reports', enabled: false })
    expect(event.before).not.toContain(digestToken('secret 0'))
  })

  it('that is over can still be named anew, and begins again with a new end', async () => {
    const { clock, edit } = await withKey({ expiresAt: someTime + 1 })
    clock.at += day
    expect(made(await edit({ name: 'old' })).name).toBe('old')
    expect(made(await edit({ expiresAt: null })).expiresAt).toBeNull()
  })

  it('is left alone by who meant an older version (H8)', async () => {
    const { edit, renew, remove } = await withKey()
    await edit({ enabled: false })
    const stale = { refused: 'stale' }
    expect(await edit({}, { version: 1 })).toEqual(stale)
    expect(await renew({ version: 1 })).toEqual(stale)
    expect(await remove({ version: 1 })).toEqual(stale)
  })

  it('of another account is as good as none', async () => {
    const { database, key, user, issue, edit, renew, remove } = await withKey()
    const { id: accountId } = await addAccount(database, 'other')
    expect(await issue({ accountId, userId: user.id })).toEqual({ refused: 'user-unknown' })
    const none = { refused: 'not-found' }
    expect(await edit({}, { accountId })).toEqual(none)
    expect(await renew({ accountId })).toEqual(none)
    expect(await remove({ accountId })).toEqual(none)
    expect(await findApiKeyView(database, accountId, key.id)).toBeUndefined()
    expect(await findApiKeyPage(database, { accountId, limit: 5 })).toEqual([])
  })

  it('gets a new secret, and the old one goes at the end of the overlap', async () => {
    const { clock, database, key, renew } = await withKey()
    expect(await renew({ overlapSeconds: 60 })).toMatchObject({
      id: key.id,
      previousUntil: someTime + 60_000,
    })
    const isGood = async (secret: string) =>
      (await findApiKey(database, digestToken(secret))) !== undefined
    expect([await isGood('secret 0'), await isGood('new')]).toEqual([true, true])
    clock.at += 60_000
    expect([await isGood('secret 0'), await isGood('new')]).toEqual([false, true])
  })

  it.each([[-1], [1.5], [Number.NaN], [91 * 86_400]])(
    'takes no overlap of %s s',
    async (overlap) => {
      const { renew } = await withKey()
      expect(await renew({ overlapSeconds: overlap })).toMatchObject({
        faults: [{ path: 'overlapSeconds' }],
      })
    },
  )

  it('is gone when deleted, as news and audit', async () => {
    const { database, accountId, user, key, remove } = await withKey()
    const seq = await lastChange(database)
    expect(await remove()).toEqual({ deleted: true })
    expect(await remove()).toEqual({ refused: 'not-found' })
    expect(await findApiKey(database, digestToken('secret 0'))).toBeUndefined()
    expect(await findApiKeyView(database, accountId, key.id)).toBeUndefined()
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'api-key', userId: user.id },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'api-key.deleted',
      userId: user.id,
    })
  })
})
