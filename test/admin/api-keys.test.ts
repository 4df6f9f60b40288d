import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startLiveAdmin, type LiveAdmin } from '../support/admin-live.ts'
import type { Answer, Client } from '../support/admin.ts'

let server: LiveAdmin
let keeper: { readonly id: string; readonly call: Client }
let ids: Readonly<Record<string, string>>
let keys = 0

const day = 86_400_000
const beyond = { status: 403, body: { type: 'urn:sallyport:beyond-own-rights' } }
const pathsOf = ({ body }: Answer) => body.errors.map(({ path }) => path)
const secretOf = ({ body }: Answer) => String(body['secret'])

const add = (draft: object = {}): Promise<Answer> =>
  server.root('POST', '/api-keys', {
    body: { name: `Key ${++keys}`, userId: ids['plain'], ...draft },
  })

const reads = async (secret: string): Promise<number> =>
  (await server.clientOf(`App ${secret}`)('GET', '/me')).status

beforeAll(async () => {
  server = await startLiveAdmin()
  keeper = await server.addClient({ username: 'keeper', roles: ['integrations-manager'] })
  const plain = await server.addUser({ username: 'plain', roles: ['api-user'] })
  const auditor = await server.addUser({ username: 'auditor', roles: ['auditor'] })
  ids = { root: server.rootId, plain: plain.id, auditor: auditor.id, keeper: keeper.id }
})
afterAll(() => server.stop())

describe('a key', () => {
  test('opens the door with a secret that is shown once (U13)', async () => {
    const made = await add({ safelist: ['127.0.0.1/8'], expiresAt: '2100-01-01T00:00:00Z' })
    expect(made).toMatchObject({
      status: 201,
      body: {
        userId: ids['plain'],
        username: 'plain',
        safelist: ['127.0.0.0/8'],
        permissions: null,
        notBefore: null,
        expiresAt: '2100-01-01T00:00:00.000Z',
        enabled: true,
        lastUse: null,
        createdBy: server.rootId,
      },
    })
    expect(await reads(secretOf(made))).toBe(200)
    const path = `/api-keys/${made.body.id}`
    const read = await server.root('GET', path)
    expect(read.headers.get('etag')).toBe(made.headers.get('etag'))
    expect(JSON.stringify([read.body, (await server.root('GET', '/api-keys')).body])).not.toMatch(
      new RegExp(`secret"|digest|${secretOf(made)}`, 'i'),
    )
    const [audited] = await server.audit(1)
    expect(audited).toMatchObject({ action: 'api-key.created', actorId: server.rootId })
    expect(JSON.stringify(audited)).not.toContain(secretOf(made))
  })

  test('is edited, disabled and deleted, in force at once', async () => {
    const made = await add()
    const path = `/api-keys/${made.body.id}`
    const edit = (body: object) => server.root('PATCH', path, { body })
    expect(await edit({ name: 'Renamed', permissions: [] })).toMatchObject({
      status: 200,
      body: { name: 'Renamed', permissions: [] },
    })
    expect(await reads(secretOf(made))).toBe(200)
    for (const [shut, open] of [
      [{ enabled: false }, { enabled: true }],
      [{ safelist: ['203.0.113.0/24'] }, { safelist: [] }],
      [{ notBefore: '2099-01-01T00:00:00Z' }, { notBefore: null }],
    ]) {
      await edit(shut ?? {})
      expect(await reads(secretOf(made)), JSON.stringify(shut)).toBe(401)
      await edit(open ?? {})
      expect(await reads(secretOf(made)), JSON.stringify(open)).toBe(200)
    }
    expect((await server.root('DELETE', path)).status).toBe(204)
    expect(await reads(secretOf(made))).toBe(401)
    expect((await server.root('GET', path)).status).toBe(404)
    expect(await server.audit(1)).toMatchObject([
      { action: 'api-key.deleted', userId: ids['plain'], before: { name: 'Renamed' } },
    ])
  })

  test('is rotated, with an overlap or without', async () => {
    const made = await add()
    const path = `/api-keys/${made.body.id}/rotate`
    const second = await server.root('POST', path, { body: { overlapSeconds: 3600 } })
    expect(second.body['previousSecretUntil']).toMatch(/Z$/)
    expect(await Promise.all([made, second].map((it) => reads(secretOf(it))))).toEqual([200, 200])
    const third = await server.root('POST', path, { body: { overlapSeconds: 0 } })
    expect(third.body['previousSecretUntil']).toBeNull()
    expect(await Promise.all([made, second, third].map((it) => reads(secretOf(it))))).toEqual([
      401, 401, 200,
    ])
    for (const body of [{}, { overlapSeconds: -1 }, { overlapSeconds: 90 * 86_400 + 1 }])
      expect(pathsOf(await server.root('POST', path, { body }))).toEqual(['overlapSeconds'])
  })

  test('names all its faults at once, and fields that are not known', async () => {
    const faulty = await add({
      name: ' x',
      safelist: ['192.0.2.1', '10.1'],
      permissions: ['users/view', 'Users'],
      expiresAt: new Date(server.core.database.now() - day).toISOString(),
    })
    expect({ status: faulty.status, paths: pathsOf(faulty) }).toEqual({
      status: 422,
      paths: ['name', 'safelist.1', 'permissions.0', 'permissions.1', 'expiresAt'],
    })
    const unknown = { secret: 'mine', digest: 'x', enabled: true }
    expect(pathsOf(await add(unknown))).toEqual(['secret', 'digest', 'enabled'])
    const nobody = { userId: '01920000-0000-7000-8000-000000000000' }
    expect(pathsOf(await add(nobody))).toEqual(['userId'])
  })

  test('of another version is left as it is (H8)', async () => {
    const { id } = (await add()).body
    const headers = { 'if-match': '"999"' }
    for (const [method, path, body] of [
      ['PATCH', `/api-keys/${id}`, { enabled: false }],
      ['POST', `/api-keys/${id}/rotate`, { overlapSeconds: 0 }],
      ['DELETE', `/api-keys/${id}`, undefined],
    ] as const)
      expect((await server.root(method, path, { headers, ...(body && { body }) })).status).toBe(412)
  })
})

describe('with api-keys/manage alone nobody reaches beyond their own rights (H1)', () => {
  const rows = [
    ['makes one for an admin', 'POST', '/api-keys', { name: 'x', userId: 'root' }],
    [
      'makes a narrow one for an admin',
      'POST',
      '/api-keys',
      { name: 'x', userId: 'root', permissions: [] },
    ],
    ['makes one for who may more', 'POST', '/api-keys', { name: 'x', userId: 'auditor' }],
    ["edits an admin's", 'PATCH', '/api-keys/{key}', { enabled: false }],
    ["rotates an admin's", 'POST', '/api-keys/{key}/rotate', { overlapSeconds: 0 }],
    ["deletes an admin's", 'DELETE', '/api-keys/{key}', undefined],
  ] as const
  test.each(rows)('who %s is refused', async (_, method, path, body) => {
    const key = await add({ userId: server.rootId })
    const named = body && 'userId' in body ? { ...body, userId: ids[body.userId] } : body
    const at = path.replace('{key}', key.body.id)
    expect(await keeper.call(method, at, named && { body: named })).toMatchObject(beyond)
  })
  test('and makes them for oneself, and for who holds no more', async () => {
    for (const userId of [undefined, ids['plain']]) {
      const made = await keeper.call('POST', '/api-keys', { body: { name: 'own', userId } })
      expect(made).toMatchObject({ status: 201, body: { userId: userId ?? keeper.id } })
      expect((await keeper.call('DELETE', `/api-keys/${made.body.id}`)).status).toBe(204)
    }
  })
  const lesser = [
    ['was narrowed', { permissions: ['api-keys/manage'] }],
    ['is for some addresses', { safelist: ['127.0.0.1'] }],
    ['has an end', { expiresAt: '2099-01-01T00:00:00Z' }],
  ] as const
  test.each(lesser)('nor does a key of theirs that %s make or change one', async (_, limits) => {
    const made = await add({ userId: keeper.id, ...limits })
    const { id } = (await add({ userId: keeper.id })).body
    const call = server.clientOf(`App ${secretOf(made)}`)
    for (const [method, path, body] of [
      ['POST', '/api-keys', { name: 'wide' }],
      ['PATCH', `/api-keys/${made.body.id}`, { safelist: [] }],
      ['PATCH', `/api-keys/${id}`, { enabled: false }],
      ['POST', `/api-keys/${id}/rotate`, { overlapSeconds: 0 }],
      ['DELETE', `/api-keys/${id}`, undefined],
    ] as const)
      expect(await call(method, path, body && { body })).toMatchObject(beyond)
  })
  test('but one of theirs that is all that they are does', async () => {
    const call = server.clientOf(`App ${secretOf(await add({ userId: keeper.id }))}`)
    expect((await call('POST', '/api-keys', { body: { name: 'next' } })).status).toBe(201)
  })
})

test('keys are listed page by page, of all users or of one', async () => {
  const { id: userId } = await server.addUser({ username: 'listed', roles: ['api-user'] })
  for (let i = 0; i < 3; i++) await add({ userId })
  const first = await keeper.call('GET', `/api-keys?userId=${userId}&limit=2&count=true`)
  expect([first.body.items.length, first.body.total]).toEqual([2, 3])
  const rest = await keeper.call('GET', `/api-keys?userId=${userId}&after=${first.body.next ?? ''}`)
  expect([rest.body.items.length, rest.body.next]).toEqual([1, null])
  expect((await server.root('GET', '/api-keys?limit=200')).body.items.length).toBeGreaterThan(3)
})

describe('what a key no longer allows ends', () => {
  test.each([
    ['disabled', 'PATCH', '', { enabled: false }],
    ['restricted to other addresses', 'PATCH', '', { safelist: ['203.0.113.0/24'] }],
    ['rotated without an overlap', 'POST', '/rotate', { overlapSeconds: 0 }],
    ['deleted', 'DELETE', '', undefined],
  ] as const)('when it is %s', async (_, method, suffix, body) => {
    const made = await add()
    const { ended } = await server.download(`App ${secretOf(made)}`)
    const path = `/api-keys/${made.body.id}${suffix}`
    expect((await server.root(method, path, body && { body })).status).toBeLessThan(300)
    await ended
  })

  test('and goes on when it is rotated with one', async () => {
    const made = await add({ userId: keeper.id })
    const item = await server.download(`App ${secretOf(made)}`)
    const path = `/api-keys/${made.body.id}/rotate`
    await server.root('POST', path, { body: { overlapSeconds: 60 } })
    expect(await reads(secretOf(made))).toBe(200)
    expect(server.core.live.of(keeper.id)).toHaveLength(1)
    item.close()
  })
})
