import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccount } from '../../db/accounts.ts'
import { createApiKey } from '../../db/api-keys.ts'
import { createRole } from '../../db/custom-roles.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { findRefusal } from '../../db/refusals.ts'
import { digestToken } from '../../db/secrets.ts'
import { createUser } from '../../db/users.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import { startAdmin, type Client, type TestAdmin } from '../support/admin.ts'
import { made } from '../support/database.ts'

let server: TestAdmin
let manager: { readonly id: string; readonly call: Client }
let smsRole: string

const addRole = async (name: string, permissions: readonly string[]): Promise<string> => {
  const { database } = server.core
  const { accountId } = server
  const held = compilePermissions(['*'])
  const role = { actor: systemActor, accountId, held, name, permissions }
  return made(await transact(database, (tx) => createRole(tx, role))).id
}

beforeAll(async () => {
  server = await startAdmin()
  const users = await addRole('Users only', ['users/manage', 'users/view'])
  smsRole = await addRole('Sender', ['sms/send'])
  manager = await server.addClient({ username: 'manager', roles: [users] })
})
afterAll(() => server.stop())

const beyond = { status: 403, body: { type: 'urn:sallyport:beyond-own-rights' } }

describe('with users/manage alone nobody reaches beyond their own rights (H1)', () => {
  const rows = [
    ['gives oneself a role', 'PUT', '/users/{me}/roles/account-admin', undefined],
    ['gives oneself what one sees', 'PUT', '/users/{me}/roles/user-manager', undefined],
    ['gives another a role', 'PUT', '/users/{plain}/roles/{sms}', undefined],
    ["takes an admin's role", 'DELETE', '/users/{root}/roles/account-admin', undefined],
    ["changes an admin's e-mail", 'PATCH', '/users/{root}', { email: 'evil@example.com' }],
    ['disables an admin', 'POST', '/users/{root}/disable', undefined],
    ['unlocks an admin', 'POST', '/users/{root}/unlock', undefined],
    ['touches who may more', 'PATCH', '/users/{sender}', { firstName: 'X' }],
    [
      'makes an admin',
      'POST',
      '/users',
      { username: 'evil', email: 'evil@example.com', roles: ['account-admin'] },
    ],
    [
      'allows basic credentials',
      'POST',
      '/users',
      { username: 'evil', email: 'evil@example.com', apiAccess: { http: true, smpp: false } },
    ],
    [
      'writes a safelist',
      'POST',
      '/users',
      { username: 'evil', email: 'evil@example.com', safelist: [{ range: '192.0.2.1' }] },
    ],
  ] as const
  let ids: Readonly<Record<string, string>>
  beforeAll(async () => {
    const plain = await server.addUser({ username: 'plain' })
    const sender = await server.addUser({ username: 'sender', roles: [smsRole] })
    ids = {
      me: manager.id,
      root: server.rootId,
      plain: plain.id,
      sender: sender.id,
      sms: smsRole,
    }
  })
  test.each(rows)('who %s is refused', async (_, method, path, body) => {
    const at = path.replaceAll(/\{(\w+)\}/g, (_all, name: string) => ids[name] ?? '')
    expect(await manager.call(method, at, body && { body })).toMatchObject(beyond)
  })
  test('and does what is within them', async () => {
    expect(await manager.call('PATCH', `/users/${ids['plain'] ?? ''}`, { body: {} })).toMatchObject(
      {
        status: 200,
      },
    )
    const role = `/users/${ids['plain'] ?? ''}/roles/api-user`
    expect(await manager.call('PUT', role)).toMatchObject({ status: 200 })
    expect(await manager.call('DELETE', role)).toMatchObject({ status: 200, body: { roles: [] } })
  })
})

test('a key that was narrowed reaches no further than it says, also for its own user', async () => {
  const secret = 'narrowed-key-secret-0123456789'
  await transact(server.core.database, (tx) =>
    createApiKey(tx, {
      actor: systemActor,
      userId: server.rootId,
      name: 'narrowed',
      digest: digestToken(secret),
      permissions: ['users/*'],
    }),
  )
  const call = server.clientOf(`App ${secret}`)
  expect((await call('GET', '/me')).body['permissions']).toEqual(['users/*'])
  const body = { username: 'by-key', email: 'by-key@example.com' }
  expect((await call('POST', '/users', { body })).status).toBe(201)
  const admin = { username: 'evil', email: 'evil@example.com', roles: ['auditor'] }
  expect(await call('POST', '/users', { body: admin })).toMatchObject(beyond)
  expect(await call('PATCH', `/users/${server.rootId}`, { body: {} })).toMatchObject(beyond)
})

test('who lacks the permission of a route is refused by the decision, which the audit explains', async () => {
  const { call } = await server.addClient({ username: 'auditor', roles: ['auditor'] })
  const refused = await call('POST', `/users/${server.rootId}/disable`)
  expect(refused).toMatchObject({ status: 403, body: { type: 'urn:sallyport:forbidden' } })
  await server.core.refusals.flush()
  const id = refused.headers.get('x-sallyport-decision') ?? ''
  expect((await findRefusal(server.core.database, id))?.event).toMatchObject({
    reason: 'permission-missing',
    target: `POST /api/v1/users/${server.rootId}/disable`,
  })
})

test('what is no route is refused to strangers as anything else, and is none to others', async () => {
  expect((await server.clientOf('Basic eDp5')('GET', '/secrets')).status).toBe(401)
  expect(await server.root('GET', '/secrets')).toMatchObject({
    status: 404,
    body: { type: 'urn:sallyport:not-found' },
  })
})

test('ids of another account, and ids of nobody, are not found', async () => {
  const { database } = server.core
  const other = await transact(database, async (tx) => {
    const account = made(await createAccount(tx, { actor: systemActor, name: 'other' }))
    const user = { actor: systemActor, accountId: account.id, username: 'elsewhere' }
    return made(await createUser(tx, user))
  })
  for (const id of [other.id, '01920000-0000-7000-8000-000000000000', 'x', '%00'])
    for (const [method, path, body] of [
      ['GET', `/users/${id}`, undefined],
      ['PATCH', `/users/${id}`, {}],
      ['POST', `/users/${id}/disable`, undefined],
      ['PUT', `/users/${id}/roles/auditor`, undefined],
      ['GET', `/users/${id}/permissions`, undefined],
    ] as const)
      expect(await server.root(method, path, body && { body }), path).toMatchObject({
        status: 404,
        body: { type: 'urn:sallyport:not-found' },
      })
  expect((await server.root('GET', '/users?search=elsewhere')).body.items).toEqual([])
})

describe('an account keeps an active Account admin (H2)', () => {
  test('the last one is neither disabled nor demoted, and nobody disables themselves', async () => {
    const own = `/users/${server.rootId}`
    expect(await server.root('POST', `${own}/disable`)).toMatchObject({
      status: 409,
      body: { type: 'urn:sallyport:own-account' },
    })
    expect(await server.root('DELETE', `${own}/roles/account-admin`)).toMatchObject({
      status: 409,
      body: { type: 'urn:sallyport:last-admin' },
    })
  })

  test('two admins who demote or disable each other at once, many times: one stays', async () => {
    const deputy = await server.addClient({ username: 'deputy', roles: ['account-admin'] })
    const path = (id: string, turn: number): readonly [method: string, path: string] =>
      turn % 2 === 0
        ? ['DELETE', `/users/${id}/roles/account-admin`]
        : ['POST', `/users/${id}/disable`]
    for (let turn = 0; turn < 50; turn++) {
      const answers = await Promise.all([
        server.root(...path(deputy.id, turn)),
        deputy.call(...path(server.rootId, turn)),
      ])
      const statuses = answers.map(({ status }) => status)
      expect(statuses.filter((status) => status === 200)).toHaveLength(1)
      const [winner, loser] =
        statuses[0] === 200 ? [server.root, deputy.id] : [deputy.call, server.rootId]
      const put = await winner('PUT', `/users/${loser}/roles/account-admin`)
      expect([put.status, (await winner('POST', `/users/${loser}/enable`)).status]).toEqual([
        200, 200,
      ])
    }
  })
})

test('a path that has other methods says which, to who is signed in', async () => {
  for (const [method, path, allow] of [
    ['DELETE', '/users', 'GET, POST'],
    ['PUT', `/users/${server.rootId}`, 'GET, PATCH'],
    ['POST', '/events.csv', 'GET'],
    ['OPTIONS', '/me', 'GET, PATCH'],
  ] as const) {
    const { status, headers, body } = await manager.call(method, path)
    expect([status, headers.get('allow'), body.type], path).toEqual([
      ...[405, allow, 'urn:sallyport:method-not-allowed'],
    ])
    expect((await server.clientOf('Basic eDp5')(method, path)).status).toBe(401)
  }
})
