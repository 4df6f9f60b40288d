import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startLiveAdmin, type LiveAdmin, type OpenItem } from '../support/admin-live.ts'
import { basic } from '../support/gateway.ts'

let server: LiveAdmin
let users = 0
let username: string
let userId: string
let roleId: string

const password = 'a-long-secret-1'

beforeAll(async () => {
  server = await startLiveAdmin()
})
afterAll(() => server.stop())
beforeEach(async () => {
  username = `user-${++users}`
  const role = { name: `Sender ${users}`, permissions: ['sms/send'] }
  roleId = (await server.root('POST', '/roles', { body: role })).body.id
  userId = (await server.addUser({ username, password, roles: [roleId] })).id
})

const downloads = (): Promise<OpenItem> =>
  server.download(basic(username, password), '127.0.0.1', '/sms')

const change = async (method: string, path: string, body?: object): Promise<void> => {
  const at = path.replace('{id}', userId).replace('{role}', roleId)
  expect((await server.root(method, at, body && { body })).status).toBe(200)
}

/** Safelists, switches, keys and passwords are beside what they belong to. */
describe('a download for which a permission is needed', () => {
  test.each([
    ['the role no longer gives it', 'PATCH', '/roles/{role}', { permissions: ['sms/read'] }],
    ['the role is taken', 'DELETE', '/users/{id}/roles/{role}', undefined],
    ['the user is disabled', 'POST', '/users/{id}/disable', undefined],
  ] as const)('ends when %s', async (_, method, path, body) => {
    const { ended } = await downloads()
    await change(method, path, body)
    await ended
    await expect(downloads()).rejects.toThrow()
  })

  test.each([
    ['the role gives more', 'PATCH', '/roles/{role}', { permissions: ['sms/*'] }],
    ['another role is given', 'PUT', '/users/{id}/roles/auditor', undefined],
    ['the profile changes', 'PATCH', '/users/{id}', { firstName: 'Ana' }],
    [
      'PINs are asked for each time',
      'PUT',
      '/users/{id}/two-factor',
      { channel: 'email', mode: 'always' },
    ],
  ] as const)('goes on when %s', async (_, method, path, body) => {
    const item = await downloads()
    await change(method, path, body)
    // What is made after the news of it has been judged by it.
    const other = await downloads()
    expect(server.core.live.of(userId)).toHaveLength(2)
    item.close()
    other.close()
  })
})

test('a bind ends when its user is disabled, and others stand', async () => {
  const other = await server.addUser({ username: `other-${users}`, password })
  const bystander = await server.bind(other.username, password)
  const bind = await server.bind(username, password)
  await change('POST', '/users/{id}/disable')
  await bind.ended
  expect(server.core.live.of(other.id)).toMatchObject([{ kind: 'bind', source: '127.0.0.1' }])
  bystander.close()
})
