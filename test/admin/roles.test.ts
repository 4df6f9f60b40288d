import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAdmin, type Client, type TestAdmin } from '../support/admin.ts'

let server: TestAdmin
let keeper: Client
let keeperId: string
let roles = 0

const add = async (permissions: readonly string[], name = `Role ${++roles}`): Promise<string> => {
  const { status, body } = await server.root('POST', '/roles', { body: { name, permissions } })
  expect(status).toBe(201)
  return body.id
}

beforeAll(async () => {
  server = await startAdmin()
  const keeping = await add(['roles/view', 'roles/manage', 'users/view'], 'Keeper')
  const made = await server.addClient({ username: 'keeper', roles: [keeping] })
  keeper = made.call
  keeperId = made.id
})
afterAll(() => server.stop())

const beyond = { status: 403, body: { type: 'urn:sallyport:beyond-own-rights' } }
const pathsOf = ({ body }: Awaited<ReturnType<Client>>) => body.errors.map(({ path }) => path)

describe('a custom role', () => {
  test('is made, read, edited and deleted, each with its audit', async () => {
    const body = { name: 'Sender', description: 'Sends.', permissions: ['sms/send', 'sms/send'] }
    const made = await server.root('POST', '/roles', { body })
    expect(made).toMatchObject({
      status: 201,
      body: { ...body, predefined: null, permissions: ['sms/send'] },
    })
    const path = `/roles/${made.body.id}`
    await server.addUser({ username: 'sender', roles: [made.body.id] })
    const read = await server.root('GET', path)
    expect(read.body).toEqual({ ...made.body, holders: 1 })
    expect(read.headers.get('etag')).toBe(made.headers.get('etag'))
    const edited = await server.root('PATCH', path, { body: { permissions: ['sms/*'] } })
    expect(edited).toMatchObject({
      status: 200,
      body: { name: 'Sender', description: 'Sends.', permissions: ['sms/*'] },
    })
    expect(await server.root('DELETE', path)).toMatchObject({
      status: 409,
      body: { type: 'urn:sallyport:role-in-use' },
    })
    const empty = await add([])
    expect((await server.root('DELETE', `/roles/${empty}`)).status).toBe(204)
    expect((await server.root('GET', `/roles/${empty}`)).status).toBe(404)
    expect(await server.audit(5)).toMatchObject([
      { action: 'role.deleted', actorId: server.rootId, before: { id: empty } },
      { action: 'role.created' },
      {
        action: 'role.changed',
        before: { permissions: ['sms/send'] },
        after: { permissions: ['sms/*'] },
      },
      { action: 'user.created' },
      { action: 'role.created', after: { name: 'Sender' } },
    ])
  })

  test('names all its faults at once, and fields that are not known', async () => {
    const permissions = ['users/view', 'Users/View', 'safelist/manage', 'accounts/*']
    const faulty = await server.root('POST', '/roles', { body: { name: ' x', permissions } })
    expect({ status: faulty.status, paths: pathsOf(faulty) }).toEqual({
      status: 422,
      paths: ['name', 'permissions.1', 'permissions.2', 'permissions.3'],
    })
    const unknown = { name: 'Ok', permissions: [], predefined: 'account-admin', id: 'x' }
    expect(pathsOf(await server.root('POST', '/roles', { body: unknown }))).toEqual([
      'predefined',
      'id',
    ])
    expect(pathsOf(await server.root('POST', '/roles', { body: {} }))).toEqual([
      'name',
      'permissions',
    ])
  })

  test('has a name of its own, in any case', async () => {
    await add([], 'Twin')
    const taken = { status: 409, body: { type: 'urn:sallyport:name-taken' } }
    for (const name of ['TWIN', 'auditor'])
      expect(
        await server.root('POST', '/roles', { body: { name, permissions: [] } }),
      ).toMatchObject(taken)
    const other = await add([])
    expect(await server.root('PATCH', `/roles/${other}`, { body: { name: 'twin' } })).toMatchObject(
      taken,
    )
  })

  test('of another version is left as it is (H8)', async () => {
    const path = `/roles/${await add([])}`
    const tag = (await server.root('GET', path)).headers.get('etag') ?? ''
    const headers = { 'if-match': tag }
    const edit = { headers, body: { description: 'first' } }
    expect((await server.root('PATCH', path, edit)).status).toBe(200)
    expect((await server.root('PATCH', path, edit)).status).toBe(412)
    expect((await server.root('DELETE', path, { headers })).status).toBe(412)
  })
})

describe('nobody makes or touches a role beyond what they hold (H1)', () => {
  const rows = [
    ['makes one', 'POST', '/roles', { name: 'More', permissions: ['users/manage'] }],
    ['makes one of all', 'POST', '/roles', { name: 'More', permissions: ['*'] }],
    ['edits one that gives more', 'PATCH', '/roles/{strong}', { description: 'x' }],
    ['edits the own one to give more', 'PATCH', '/roles/{own}', { permissions: ['users/*'] }],
    ['deletes one that gives more', 'DELETE', '/roles/{strong}', undefined],
  ] as const
  test.each(rows)('who %s is refused', async (_, method, path, body) => {
    const strong = await add(['events/view'])
    const { body: user } = await server.root('GET', `/users/${keeperId}`)
    const [own] = user['roles'] as { id: string }[]
    const at = path.replace('{strong}', strong).replace('{own}', own?.id ?? '')
    expect(await keeper(method, at, body && { body })).toMatchObject(beyond)
  })
  test('and does what is within them', async () => {
    const made = await keeper('POST', '/roles', {
      body: { name: 'Less', permissions: ['users/view'] },
    })
    expect(made.status).toBe(201)
    expect((await keeper('DELETE', `/roles/${made.body.id}`)).status).toBe(204)
  })
  test('and with users/manage alone no role is edited', async () => {
    const { call } = await server.addClient({ username: 'manager', roles: ['user-manager'] })
    const role = await add([])
    expect((await call('PATCH', `/roles/${role}`, { body: { name: 'x' } })).status).toBe(403)
    expect((await call('GET', `/roles/${role}`)).status).toBe(200)
  })
})

test('a predefined role is found by its name, and neither edited nor deleted', async () => {
  const { body } = await server.root('GET', '/roles/account-admin')
  expect(body).toMatchObject({
    predefined: 'account-admin',
    permissions: ['*', 'api-access/manage', 'safelist/manage'],
    holders: 1,
  })
  const refused = { status: 409, body: { type: 'urn:sallyport:role-predefined' } }
  for (const id of ['account-admin', body.id]) {
    const edit = { body: { permissions: [] } }
    expect(await server.root('PATCH', `/roles/${id}`, edit)).toMatchObject(refused)
    expect(await server.root('DELETE', `/roles/${id}`)).toMatchObject(refused)
  }
})

test('roles are listed by name, page by page, whatever is made meanwhile', async () => {
  const whole = await server.root('GET', '/roles?limit=200&count=true')
  const names = whole.body.items.map(({ name }) => String(name))
  expect(whole.body.total).toBe(names.length)
  expect(names).toEqual(
    names.toSorted((one, other) => (one.toLowerCase() < other.toLowerCase() ? -1 : 1)),
  )
  const first = await server.root('GET', '/roles?limit=2')
  await add([], 'AAA behind us')
  const second = await server.root('GET', `/roles?limit=2&after=${first.body.next ?? ''}`)
  expect([...first.body.items, ...second.body.items].map(({ name }) => name)).toEqual(
    names.slice(0, 4),
  )
})

test('each known permission is described, and says to whom it is reserved', async () => {
  const { body } = await server.root('GET', '/permissions')
  expect(body.items.length).toBeGreaterThan(10)
  for (const { description } of body.items) expect(description).toMatch(/^[A-Z].{10,}/)
  expect(
    body.items
      .filter(({ reservedTo }) => reservedTo !== null)
      .map(({ name, reservedTo }) => [name, reservedTo]),
  ).toEqual([
    ['api-access/manage', 'account-admin'],
    ['safelist/manage', 'account-admin'],
    ['accounts/manage', 'platform-operator'],
  ])
})
