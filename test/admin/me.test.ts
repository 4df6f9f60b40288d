import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAdmin } from '../../admin/app.ts'
import { createAuthorizeInTime } from '../../gateway/in-time.ts'
import { address } from '../../policies/address.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'

let server: TestAdmin

beforeAll(async () => {
  server = await startAdmin()
})
afterAll(() => server.stop())

test('shows who calls, what they may do, and the address that we see', async () => {
  const { status, body } = await server.root('GET', '/me')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    id: server.rootId,
    username: 'root',
    permissions: ['*', 'api-access/manage', 'safelist/manage'],
    clientAddress: '127.0.0.1',
  })
})

test('is edited by oneself, but for the language, which is for Account admins alone (U6)', async () => {
  const { id, call } = await server.addClient({
    username: 'mia',
    roles: ['user-manager'],
    language: 'de',
  })
  expect(await call('PATCH', '/me', { body: { firstName: 'Mia', language: 'de' } })).toMatchObject({
    status: 200,
    body: { firstName: 'Mia', language: 'de', clientAddress: '127.0.0.1' },
  })
  for (const path of ['/me', `/users/${id}`])
    expect(await call('PATCH', path, { body: { language: 'fr' } })).toMatchObject({
      status: 403,
      body: { type: 'urn:sallyport:beyond-own-rights' },
    })
  expect((await server.root('PATCH', '/me', { body: { language: 'fr' } })).status).toBe(200)
  expect((await server.root('PATCH', `/users/${id}`, { body: { language: 'fr' } })).status).toBe(
    200,
  )
})

describe('an API key is not its user', () => {
  const beyond = { status: 403, body: { type: 'urn:sallyport:beyond-own-rights' } }
  const keyOf = async (userId: string, permissions: readonly string[] | null) => {
    const body = { name: 'key', userId, permissions }
    const made = await server.root('POST', '/api-keys', { body })
    return server.clientOf(`App ${String(made.body['secret'])}`)
  }
  const rows = [
    ['the e-mail address', 'PATCH', '/me', { email: 'attacker@example.com' }],
    ['that by the id', 'PATCH', '/users/{id}', { email: 'attacker@example.com' }],
    ['the mobile number', 'PATCH', '/me', { mobileNumber: '+41793026727' }],
    ['the second factor', 'PUT', '/users/{id}/two-factor', { channel: 'email', mode: 'always' }],
    ['a registered device', 'DELETE', '/users/{id}/authenticators/none', undefined],
    ['a remembered browser', 'DELETE', '/users/{id}/devices/none', undefined],
    ['the password', 'POST', '/users/{id}/password', { password: 'another-secret-2' }],
    ['that for binds', 'POST', '/users/{id}/smpp-password', { password: null }],
  ] as const
  test.each(rows)('and does not change %s', async (name, method, path, body) => {
    const username = name.replaceAll(' ', '-')
    const { id } = await server.addUser({ username, roles: ['account-admin'] })
    const call = await keyOf(id, null)
    const at = path.replace('{id}', id)
    expect(await call(method, at, body && { body })).toMatchObject(beyond)
  })
  test('but edits the name, unless it was narrowed', async () => {
    const { id } = await server.addUser({ username: 'kim', email: 'kim@example.com', roles: [] })
    const body = { firstName: 'Kim', email: 'kim@example.com' }
    expect(await (await keyOf(id, null))('PATCH', '/me', { body })).toMatchObject({ status: 200 })
    expect(await (await keyOf(id, []))('PATCH', '/me', { body })).toMatchObject(beyond)
  })
})

test('the app can be mounted in any Hono app, under any path', async () => {
  const { core } = server
  const host = new Hono()
  host.get('/hello', (c) => c.text('hello'))
  const admin = createAdmin({
    ...core,
    random: core.system.random,
    authorize: createAuthorizeInTime(core),
    explain: () => Promise.reject(new Error('nothing is explained here')),
    clientAddressOf: () => address('198.51.100.7'),
  })
  host.route('/gate', admin)
  const { authorization } = server
  const me = await host.request('/gate/api/v1/me', { headers: { authorization } })
  expect(await me.json()).toMatchObject({ username: 'root', clientAddress: '198.51.100.7' })
  expect((await host.request('/gate/api/v1/me')).status).toBe(401)
  const document = await host.request('/gate/api/v1/openapi.json')
  expect(await document.json()).toMatchObject({ servers: [{ url: '/gate/api/v1' }] })
  expect(await (await host.request('/hello')).text()).toBe('hello')
})

test('a failure is answered without its message, and logged with it', async () => {
  const { core } = server
  const failures: unknown[] = []
  const app = createAdmin({
    ...core,
    random: core.system.random,
    log: { error: (what: unknown) => failures.push(what) },
    attempts: { state: () => Promise.reject(new Error('the counters are gone')) },
    authorize: createAuthorizeInTime(core),
    explain: () => Promise.reject(new Error('nothing is explained here')),
    clientAddressOf: () => address('198.51.100.7'),
  })
  const { authorization } = server
  const failed = await app.request('/api/v1/me', { headers: { authorization } })
  expect(failed.status).toBe(500)
  expect(await failed.text()).not.toContain('counters')
  expect(failures).toMatchObject([
    {
      err: { message: 'the counters are gone' },
      decision: failed.headers.get('x-sallyport-decision'),
    },
  ])
})
