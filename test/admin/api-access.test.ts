import { afterAll, beforeAll, expect, test } from 'vitest'
import { startLiveAdmin, type LiveAdmin } from '../support/admin-live.ts'
import { basic } from '../support/gateway.ts'

let server: LiveAdmin

beforeAll(async () => {
  server = await startLiveAdmin()
})
afterAll(() => server.stop())

test('basic credentials are allowed per protocol, by Account admins alone (U12)', async () => {
  const { id, call } = await server.addClient({ username: 'manager', roles: ['user-manager'] })
  const { id: other } = await server.addUser({ username: 'other' })
  const path = `/users/${other}/api-access`
  expect((await server.root('GET', path)).body).toEqual({ http: true, smpp: true })
  const set = await server.root('PUT', path, { body: { http: false, smpp: true } })
  expect(set).toMatchObject({ status: 200, body: { http: false, smpp: true } })
  expect(await server.audit(1)).toMatchObject([
    {
      action: 'user.api-access-changed',
      actorId: server.rootId,
      userId: other,
      before: { httpBasic: true },
      after: { httpBasic: false },
    },
  ])
  expect((await call('GET', path)).body).toEqual({ http: false, smpp: true })
  for (const at of [path, `/users/${id}/api-access`])
    expect(await call('PUT', at, { body: { http: true, smpp: true } })).toMatchObject({
      status: 403,
      body: { type: 'urn:sallyport:forbidden' },
    })
})

test('who may not look at users sees their own switches alone', async () => {
  const { id, call } = await server.addClient({ username: 'plain', roles: ['api-user'] })
  expect((await call('GET', `/users/${id}/api-access`)).status).toBe(200)
  expect((await call('GET', `/users/${server.rootId}/api-access`)).status).toBe(403)
})

test.each([
  [{ http: true }, ['smpp']],
  [{ http: 'yes', smpp: 1 }, ['http', 'smpp']],
  [{ http: true, smpp: true, web: true }, ['web']],
])('switches %j are refused', async (body, paths) => {
  const answer = await server.root('PUT', `/users/${server.rootId}/api-access`, { body })
  expect(answer.status).toBe(422)
  expect(answer.body.errors.map((fault) => fault.path)).toEqual(paths)
})

test('of another version, and of nobody, nothing is switched', async () => {
  const { id } = await server.addUser({ username: 'versioned' })
  const body = { http: true, smpp: false }
  const headers = { 'if-match': '"999"' }
  expect((await server.root('PUT', `/users/${id}/api-access`, { body, headers })).status).toBe(412)
  const nobody = '/users/01920000-0000-7000-8000-000000000000/api-access'
  expect((await server.root('PUT', nobody, { body })).status).toBe(404)
  expect((await server.root('GET', nobody)).status).toBe(404)
})

test('what a switch no longer allows ends, and the other protocol goes on', async () => {
  const secret = ['switched', 'a-long-secret-1'] as const
  const { id } = await server.addUser({ username: secret[0], password: secret[1] })
  const download = await server.download(basic(...secret))
  const bind = await server.bind(...secret)
  const path = `/users/${id}/api-access`
  expect((await server.root('PUT', path, { body: { http: true, smpp: false } })).status).toBe(200)
  await bind.ended
  expect(server.core.live.of(id).some(({ kind }) => kind === 'http')).toBe(true)
  await server.root('PUT', path, { body: { http: false, smpp: false } })
  await download.ended
})
