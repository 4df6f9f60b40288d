import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { digestToken } from '../../db/secrets.ts'
import { createSession } from '../../db/sessions.ts'
import { address } from '../../policies/address.ts'
import { startLiveAdmin, type LiveAdmin } from '../support/admin-live.ts'
import { basic } from '../support/gateway.ts'
import { until } from '../support/smpp-pair.ts'

let server: LiveAdmin
let users = 0

beforeAll(async () => {
  server = await startLiveAdmin()
})
afterAll(() => server.stop())

const addUser = () =>
  server.addClient({ username: `user-${++users}`, roles: ['api-user'], password: 'a-long-secret' })

const entriesOf = (...ranges: readonly string[]) => ({
  entries: ranges.map((range) => ({ range })),
})

describe('a safelist', () => {
  test('is replaced as a whole, and says what it understood otherwise', async () => {
    const { id } = await addUser()
    const path = `/users/${id}/safelist`
    expect((await server.root('GET', path)).body).toEqual({ entries: [] })
    const entries = [
      { range: '203.0.113.7/24', description: 'Office', expiresAt: '2030-01-01T01:00:00+01:00' },
      { range: '2001:DB8::1' },
    ]
    const saved = await server.root('PUT', path, { body: { entries } })
    const kept = [
      { range: '203.0.113.0/24', description: 'Office', expiresAt: '2030-01-01T00:00:00.000Z' },
      { range: '2001:db8::1', description: '', expiresAt: null },
    ]
    expect(saved).toMatchObject({
      status: 200,
      body: { entries: kept, notes: [{ path: 'entries.0.range' }] },
    })
    const read = await server.root('GET', path)
    expect(read.body).toEqual({ entries: kept })
    expect(read.headers.get('etag')).toBe(saved.headers.get('etag'))
    expect(await server.audit(1)).toMatchObject([
      { action: 'user.safelist-changed', userId: id, actorId: server.rootId, before: [] },
    ])
    expect((await server.root('GET', `/users/${id}`)).body['safelistSize']).toBe(2)
  })

  test('with entries that cannot be read is refused, naming them all, and nothing changes (A3, A4)', async () => {
    const { id } = await addUser()
    const path = `/users/${id}/safelist`
    await server.root('PUT', path, { body: entriesOf('192.0.2.0/24') })
    const bad = [
      '010.0.0.1',
      '192.0.2.0/24',
      '10.1',
      '10.0.0.0/33',
      '192.0.2.0/08',
      '::ffff:10.0.0.0/8',
    ]
    for (const at of [path, `${path}/preview`]) {
      const { status, body } = await server.root(at === path ? 'PUT' : 'POST', at, {
        body: entriesOf(...bad),
      })
      expect({ status, paths: body.errors.map((fault) => fault.path) }).toEqual({
        status: 422,
        paths: [0, 2, 3, 4, 5].map((index) => `entries.${index}.range`),
      })
    }
    const unknown = { entries: [{ range: '192.0.2.1', note: 'x' }], force: true }
    const { body } = await server.root('PUT', path, { body: unknown })
    expect(body.errors.map((fault) => fault.path).toSorted()).toEqual(['entries.0.note', 'force'])
    expect((await server.root('GET', path)).body['entries']).toMatchObject([
      { range: '192.0.2.0/24' },
    ])
  })

  test('of another version is refused (H8)', async () => {
    const { id } = await addUser()
    const path = `/users/${id}/safelist`
    const tag = (await server.root('GET', path)).headers.get('etag') ?? ''
    const first = { body: entriesOf('192.0.2.1'), headers: { 'if-match': tag } }
    expect((await server.root('PUT', path, first)).status).toBe(200)
    expect((await server.root('PUT', path, first)).status).toBe(412)
  })

  test("of one's own has to cover the address that one comes from (H3)", async () => {
    const path = `/users/${server.rootId}/safelist`
    expect(await server.root('PUT', path, { body: entriesOf('203.0.113.0/24') })).toMatchObject({
      status: 409,
      body: { type: 'urn:sallyport:safelist-excludes-you', clientAddress: '127.0.0.1' },
    })
    const expired = { entries: [{ range: '127.0.0.1', expiresAt: '2020-01-01T00:00:00Z' }] }
    expect((await server.root('PUT', path, { body: expired })).status).toBe(409)
    expect((await server.root('GET', path)).body['entries']).toEqual([])
    for (const list of [entriesOf('203.0.113.0/24', '::ffff:127.0.0.1'), entriesOf()])
      expect((await server.root('PUT', path, { body: list })).status).toBe(200)
  })

  test("is an Account admin's to change; others look at their own (U9)", async () => {
    const { id, call } = await server.addClient({ username: 'looker', roles: ['user-manager'] })
    const own = `/users/${id}/safelist`
    expect((await call('GET', own)).status).toBe(200)
    expect((await call('GET', `/users/${server.rootId}/safelist`)).status).toBe(403)
    for (const [method, path] of [
      ['PUT', own],
      ['POST', `${own}/preview`],
    ] as const)
      expect((await call(method, path, { body: entriesOf() })).status).toBe(403)
  })

  test('of nobody in this account is not found', async () => {
    const path = '/users/01920000-0000-7000-8000-000000000000/safelist'
    expect((await server.root('GET', path)).status).toBe(404)
    for (const [method, at] of [
      ['PUT', path],
      ['POST', `${path}/preview`],
    ] as const)
      expect((await server.root(method, at, { body: entriesOf() })).status).toBe(404)
  })
})

test('a preview names sessions too, by where they are bound or were last seen', async () => {
  const { id: userId } = await addUser()
  const { database } = server.core
  for (const [kind, source, bound] of [
    ['web', '127.0.0.1', undefined],
    ['token', '127.0.0.1', '203.0.113.7'],
    ['bearer', '203.0.113.9', undefined],
  ] as const)
    await transact(database, (tx) =>
      createSession(tx, {
        ...{ actor: { channel: 'web', source }, userId, kind, lifeMs: 3_600_000 },
        digest: digestToken(`${userId} ${kind}`),
        boundTo: bound === undefined ? undefined : address(bound),
      }),
    )
  const body = entriesOf('203.0.113.0/24')
  const preview = await server.root('POST', `/users/${userId}/safelist/preview`, { body })
  expect(preview.body['live']).toMatchObject([{ kind: 'web', source: '127.0.0.1' }])
})

test('a preview names what would be cut off, and saving cuts off just that (U18)', async () => {
  const { id } = await addUser()
  const secret = [`user-${users}`, 'a-long-secret'] as const
  const here = await server.download(basic(...secret))
  const there = await server.download(basic(...secret), '127.0.0.2')
  const bind = await server.bind(...secret)
  await server.core.sources.flush()
  await server.core.binds.flush()
  const path = `/users/${id}/safelist`
  const body = entriesOf('127.0.0.2', '203.0.113.0/24')
  const before = await server.audit(1)
  const preview = await server.root('POST', `${path}/preview`, { body })
  expect(preview).toMatchObject({
    status: 200,
    body: {
      ranges: ['127.0.0.2', '203.0.113.0/24'],
      coversYou: false,
      live: [
        { kind: 'http', source: '127.0.0.1' },
        { kind: 'bind', source: '127.0.0.1' },
      ],
      sources: [{ source: '127.0.0.1', count: 2 }],
    },
  })
  expect((preview.body['sources'] as { channels: string[] }[])[0]?.channels.toSorted()).toEqual([
    'http',
    'smpp',
  ])
  expect(await server.audit(1)).toEqual(before)
  expect((await server.root('PUT', path, { body })).status).toBe(200)
  await Promise.all([here.ended, bind.ended])
  await until(() => server.core.live.of(id).length === 1)
  expect(server.core.live.of(id)).toMatchObject([{ kind: 'http', source: '127.0.0.2' }])
  const rest = await server.root('POST', `${path}/preview`, { body: entriesOf('203.0.113.0/24') })
  expect(rest.body['live']).toMatchObject([{ source: '127.0.0.2' }])
  there.close()
})
