import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { authenticators, devices } from '../../db/schema/credentials.ts'
import { digestToken } from '../../db/secrets.ts'
import { startAdmin, type Client, type TestAdmin } from '../support/admin.ts'

let server: TestAdmin
let manager: Client
let users = 0

const day = 86_400_000

beforeAll(async () => {
  server = await startAdmin()
  manager = (await server.addClient({ username: 'manager', roles: ['user-manager'] })).call
})
afterAll(() => server.stop())

/** A user with three remembered browsers and two authenticators, one of them confirmed. */
const addUser = async (roles: readonly string[] = ['api-user']) => {
  const username = `user-${++users}`
  const { id, call } = await server.addClient({ username, roles, email: `${username}@example.com` })
  const { database } = server.core
  const at = database.now()
  const ids = ['a', 'b', 'c'].map((letter) => `${username}-${letter}`)
  await transact(database, async (tx) => {
    for (const name of ids)
      await tx.queries.insert(devices).values({
        ...{ id: name, userId: id, name, digest: digestToken(name), credentialEpoch: 1 },
        ...{ createdAt: at, lastUsedAt: at, lastSource: '192.0.2.1', expiresAt: at + day },
      })
    for (const name of ids.slice(0, 2)) {
      const confirmedAt = name === ids[0] ? at : null
      const row = { id: name, userId: id, name, sealedSeed: 'planted-seed', confirmedAt }
      await tx.queries.insert(authenticators).values({ ...row, createdAt: at })
    }
  })
  return { id, call, ids, path: `/users/${id}` }
}

const refused = { status: 403, body: { type: 'urn:sallyport:forbidden' } }
const beyond = { status: 403, body: { type: 'urn:sallyport:beyond-own-rights' } }
const none = { status: 404, body: { type: 'urn:sallyport:not-found' } }

describe('the choice of a second factor', () => {
  test('is one’s own affair, within what is offered and verified (U11)', async () => {
    const { id, call, path } = await addUser()
    const own = `${path}/two-factor`
    expect((await call('GET', own)).body).toEqual({ channel: 'email', mode: 'remembered' })
    const put = (body: object) => call('PUT', own, { body })
    expect(await put({ channel: 'totp', mode: 'always' })).toMatchObject({
      status: 200,
      body: { channel: 'totp', mode: 'always' },
    })
    expect(await server.audit(1)).toMatchObject([
      { action: 'user.two-factor-changed', userId: id, actorId: id },
    ])
    const faulty = await put({ channel: 'sms', mode: 'always' })
    expect({ status: faulty.status, paths: faulty.body.errors.map((it) => it.path) }).toEqual({
      status: 422,
      paths: ['channel'],
    })
    expect((await put({ channel: 'email', mode: 'never' })).status).toBe(422)
    expect((await put({ channel: 'email', mode: 'always', seed: 'x' })).status).toBe(422)
    const headers = { 'if-match': '"999"' }
    const stale = await call('PUT', own, { body: { channel: 'email', mode: 'always' }, headers })
    expect(stale.status).toBe(412)
  })
})

describe('what another has', () => {
  const parts = ['two-factor', 'devices', 'authenticators'] as const
  const body = { channel: 'email', mode: 'always' }

  test('is seen and changed by who manages users', async () => {
    const { path, ids } = await addUser()
    for (const part of parts) expect((await manager('GET', `${path}/${part}`)).status).toBe(200)
    expect((await manager('PUT', `${path}/two-factor`, { body })).status).toBe(200)
    for (const part of parts.slice(1))
      expect((await manager('DELETE', `${path}/${part}/${ids[0] ?? ''}`)).status).toBe(204)
  })
  test('is neither seen nor changed by others, whether there is such a user or not', async () => {
    const { call } = await addUser()
    const { path: other, ids } = await addUser()
    for (const path of [other, '/users/01920000-0000-7000-8000-000000000000']) {
      for (const part of parts) expect(await call('GET', `${path}/${part}`)).toMatchObject(refused)
      expect(await call('PUT', `${path}/two-factor`, { body })).toMatchObject(refused)
      for (const part of parts.slice(1))
        expect(await call('DELETE', `${path}/${part}/${ids[0] ?? ''}`)).toMatchObject(refused)
    }
  })
  test('is not changed by who holds less (H1)', async () => {
    const { path, ids } = await addUser(['account-admin'])
    expect(await manager('PUT', `${path}/two-factor`, { body })).toMatchObject(beyond)
    for (const part of parts.slice(1))
      expect(await manager('DELETE', `${path}/${part}/${ids[0] ?? ''}`)).toMatchObject(beyond)
  })
  test('is not found where there is no such user, and no such device of theirs', async () => {
    const nobody = '/users/01920000-0000-7000-8000-000000000000'
    for (const part of parts)
      expect(await server.root('GET', `${nobody}/${part}`)).toMatchObject(none)
    expect(await server.root('PUT', `${nobody}/two-factor`, { body })).toMatchObject(none)
    const { path } = await addUser()
    const { ids } = await addUser()
    for (const part of parts.slice(1))
      expect(await server.root('DELETE', `${path}/${part}/${ids[0] ?? ''}`)).toMatchObject(none)
  })
})

describe('browsers and registered devices', () => {
  test('are listed page by page, without a secret (H6)', async () => {
    const { call, path, ids } = await addUser()
    const first = await call('GET', `${path}/devices?limit=2&count=true`)
    expect(first.body).toMatchObject({
      items: [
        { id: ids[0], lastUse: { source: '192.0.2.1' } },
        { id: ids[1], lastUse: { source: '192.0.2.1' } },
      ],
      total: 3,
    })
    const rest = await call('GET', `${path}/devices?limit=2&after=${first.body.next ?? ''}`)
    expect([rest.body.items.map(({ id }) => id), rest.body.next]).toEqual([[ids[2]], null])
    const registered = await call('GET', `${path}/authenticators?count=true`)
    expect(registered.body).toMatchObject({
      items: [
        { id: ids[0], confirmedAt: expect.stringMatching(/Z$/) as string, lastUsedAt: null },
        { id: ids[1], confirmedAt: null },
      ],
      next: null,
      total: 2,
    })
    expect(JSON.stringify([first.body, registered.body])).not.toMatch(/digest|seed|epoch/i)
    const other = await call('GET', `${path}/authenticators?after=${first.body.next ?? ''}`)
    expect(other.body.errors.map((fault) => fault.path)).toEqual(['after'])
  })

  test('are removed, with audit; without any left, PINs go by e-mail again', async () => {
    const { id, call, path, ids } = await addUser()
    await call('PUT', `${path}/two-factor`, { body: { channel: 'totp', mode: 'always' } })
    expect((await call('DELETE', `${path}/devices/${ids[1] ?? ''}`)).status).toBe(204)
    expect(await server.audit(1)).toMatchObject([
      { action: 'device.removed', userId: id, actorId: id, before: { id: ids[1] } },
    ])
    const headers = { 'if-match': '"999"' }
    const authenticator = `${path}/authenticators/${ids[0] ?? ''}`
    expect((await call('DELETE', authenticator, { headers })).status).toBe(412)
    expect((await call('DELETE', authenticator)).status).toBe(204)
    expect((await call('DELETE', authenticator)).status).toBe(404)
    expect((await call('GET', `${path}/two-factor`)).body).toEqual({
      channel: 'email',
      mode: 'always',
    })
    const left = await call('GET', `${path}/devices`)
    expect(left.body.items.map((item) => item['id'])).toEqual([ids[0], ids[2]])
  })
})
