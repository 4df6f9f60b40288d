import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { basic } from '../support/gateway.ts'

let server: TestAdmin

beforeAll(async () => {
  server = await startAdmin()
})
afterAll(() => server.stop())

test('an admin makes a user, who is edited, given a role, disabled, and refused at once', async () => {
  const { root, rootId } = server
  const made = await root('POST', '/users', {
    body: {
      username: 'alice',
      email: 'alice@example.com',
      firstName: 'Alice',
      roles: ['api-user'],
    },
  })
  expect(made.status).toBe(201)
  expect(made.headers.get('etag')).toBe('"1"')
  const { id } = made.body
  expect(await root('GET', `/users/${id}`)).toMatchObject({ status: 200, body: made.body })

  const edited = await root('PATCH', `/users/${id}`, {
    headers: { 'if-match': '"1"' },
    body: { lastName: 'Lane', timeZone: 'Europe/Zagreb' },
  })
  expect(edited).toMatchObject({ status: 200, body: { firstName: 'Alice', lastName: 'Lane' } })

  const granted = await root('PUT', `/users/${id}/roles/auditor`)
  expect(granted.body.roles).toMatchObject([{ name: 'API user' }, { name: 'Auditor' }])
  expect((await root('POST', `/users/${id}/disable`)).body).toMatchObject({ status: 'disabled' })
  expect(await server.audit(4)).toMatchObject([
    { action: 'user.disabled', after: { enabled: false } },
    { action: 'user.role-granted' },
    { action: 'user.profile-changed', before: { lastName: '' }, after: { lastName: 'Lane' } },
    { action: 'user.created', actorId: rootId, userId: id, source: '127.0.0.1' },
  ])
})

test('a user who is disabled is refused by the next call, with a decision that the audit knows', async () => {
  const { id, call } = await server.addClient({ username: 'bob', roles: ['auditor'] })
  expect((await call('GET', '/users')).status).toBe(200)
  await server.root('POST', `/users/${id}/disable`)
  const refused = await call('GET', '/users')
  expect(refused).toMatchObject({ status: 401, body: { type: 'urn:sallyport:unauthorized' } })
  expect(refused.headers.get('www-authenticate')).toMatch(/^Basic /)
  expect(refused.body.instance).toBe(`urn:uuid:${refused.headers.get('x-sallyport-decision')}`)
})

test('two credentials in one request are refused, whichever stands first', async () => {
  const right = basic('root', 'root-secret-1')
  const status = await new Promise<number | undefined>((resolve, reject) => {
    request(
      `${server.adminUrl}/api/v1/me`,
      { headers: ['Host', 'localhost', 'Authorization', right, 'Authorization', right] },
      (response) => {
        response.resume()
        resolve(response.statusCode)
      },
    )
      .on('error', reject)
      .end()
  })
  expect(status).toBe(400)
})
