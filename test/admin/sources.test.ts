import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAdmin, type Client, type TestAdmin } from '../support/admin.ts'
import { basic } from '../support/gateway.ts'

let server: TestAdmin
let alice: string
let own: Client

beforeAll(async () => {
  server = await startAdmin({ file: { limits: { floorMs: 0 } } })
  const client = await server.addClient({ username: 'alice', password: 'alice-secret-1' })
  alice = client.id
  own = client.call
  await own('GET', '/me')
  await own('GET', '/me')
  await server.clientOf(basic('alice', 'wrong'))('GET', '/me')
  await server.core.sources.flush()
})
afterAll(() => server.stop())

test('shows from where a user came, how often, and what came of it (U18)', async () => {
  const { status, body } = await server.root('GET', `/users/${alice}/sources?count=true`)
  expect(status).toBe(200)
  expect(body.total).toBe(2)
  const sorted = body.items.toSorted((a, b) => Number(b['count']) - Number(a['count']))
  expect(sorted).toMatchObject([
    { source: '127.0.0.1', channel: 'http', outcome: 'permitted', reason: null, count: 2 },
    { source: '127.0.0.1', channel: 'http', outcome: 'refused', reason: 'secret-wrong', count: 1 },
  ])
})

test('page by page, the latest first', async () => {
  const path = `/users/${alice}/sources`
  const first = await server.root('GET', `${path}?limit=1`)
  const second = await server.root('GET', `${path}?limit=1&after=${first.body.next ?? ''}`)
  expect(second.body.next).toBeNull()
  const times = [first, second].map(({ body }) => Date.parse(String(body.items[0]?.['lastAt'])))
  expect(times[0]).toBeGreaterThanOrEqual(times[1] ?? Infinity)
  expect(first.body.items).not.toEqual(second.body.items)
  expect((await server.root('GET', `${path}?after=x`)).status).toBe(422)
})

test('to oneself, and of others to who may see users', async () => {
  expect((await own('GET', `/users/${alice}/sources`)).status).toBe(200)
  expect((await own('GET', `/users/${server.rootId}/sources`)).status).toBe(403)
  expect((await own('GET', '/users/nobody/sources')).status).toBe(403)
  expect((await server.root('GET', '/users/nobody/sources')).status).toBe(404)
})
