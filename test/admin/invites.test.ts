import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAdmin, type Answer, type Client, type TestAdmin } from '../support/admin.ts'

let server: TestAdmin
let manager: Client
let at = Date.UTC(2027, 0, 1)
let people = 0

const day = 86_400_000
const timeOf = (ms: number): string => new Date(ms).toISOString()
const beyond = { status: 403, body: { type: 'urn:sallyport:beyond-own-rights' } }
const over = { status: 409, body: { type: 'urn:sallyport:invite-over' } }
const taken = { status: 409, body: { type: 'urn:sallyport:email-taken' } }
const pathsOf = ({ body }: Answer) => body.errors.map(({ path }) => path)

beforeAll(async () => {
  server = await startAdmin({ system: { now: () => at } })
  manager = (await server.addClient({ username: 'manager', roles: ['user-manager'] })).call
})
afterAll(() => server.stop())

const invite = (draft: object = {}, call = server.root): Promise<Answer> =>
  call('POST', '/invites', { body: { email: `person-${++people}@example.com`, ...draft } })

describe('an invite', () => {
  test('is pending for seven days, with what the person will be (U7)', async () => {
    const draft = {
      firstName: 'Ana',
      language: 'sl',
      roles: ['auditor'],
      safelist: [{ range: '192.0.2.9/24', description: 'Office' }],
      apiAccess: { http: true, smpp: false },
    }
    const made = await invite({ email: 'ana@example.com', ...draft })
    expect(made).toMatchObject({
      status: 201,
      body: {
        ...{ email: 'ana@example.com', state: 'pending', firstName: 'Ana', language: 'sl' },
        roles: [{ name: 'Auditor' }],
        safelist: [{ range: '192.0.2.0/24', description: 'Office', expiresAt: null }],
        apiAccess: { http: true, smpp: false },
        invitedBy: { id: server.rootId, username: 'root' },
        expiresAt: timeOf(at + 7 * day),
      },
    })
    const read = await server.root('GET', `/invites/${made.body.id}`)
    expect(read.body).toEqual(made.body)
    expect(read.headers.get('etag')).toBe(made.headers.get('etag'))
    expect(JSON.stringify(read.body)).not.toMatch(/digest|token/i)
    expect(await server.audit(1)).toMatchObject([
      { action: 'invite.created', actorId: server.rootId, after: { email: 'ana@example.com' } },
    ])
  })

  test('is sent again, which begins the seven days anew, also when it has expired', async () => {
    const { body } = await invite()
    at += 8 * day
    const path = `/invites/${body.id}`
    expect((await server.root('GET', path)).body['state']).toBe('expired')
    expect(await server.root('POST', `${path}/revoke`)).toMatchObject(over)
    expect(await manager('POST', `${path}/resend`)).toMatchObject({
      status: 200,
      body: {
        state: 'pending',
        expiresAt: timeOf(at + 7 * day),
        invitedBy: { username: 'manager' },
      },
    })
  })

  test('is revoked once, and is of no use then', async () => {
    const { body } = await invite()
    const path = `/invites/${body.id}`
    expect(await server.root('POST', `${path}/revoke`)).toMatchObject({
      status: 200,
      body: { state: 'revoked', revokedAt: timeOf(at) },
    })
    for (const turn of ['revoke', 'resend'])
      expect(await server.root('POST', `${path}/${turn}`)).toMatchObject(over)
  })

  test('goes to an address that nobody has and that is not invited yet', async () => {
    const { body } = await invite()
    for (const email of [body['email'], 'ROOT@example.com', String(body['email']).toUpperCase()])
      expect(await invite({ email })).toMatchObject(taken)
  })

  test('names its faults, and fields that are not known (C3)', async () => {
    for (const email of ['a@ex.com,evil@x', 'a@ex.com\r\nBcc: x', 'nobody', undefined])
      expect(pathsOf(await invite({ email }))).toEqual(['email'])
    const safelist = [{ range: '10.1' }, { range: '192.0.2.1' }, { range: '1/8' }]
    expect(pathsOf(await invite({ safelist }))).toEqual(['safelist.0.range', 'safelist.2.range'])
    expect(pathsOf(await invite({ roles: ['nobody'] }))).toEqual(['roles'])
    const unknown = { username: 'mine', enabled: true, password: 'x' }
    expect(pathsOf(await invite(unknown))).toEqual(['username', 'enabled', 'password'])
  })

  test('of another version is left as it is (H8)', async () => {
    const { body } = await invite()
    const headers = { 'if-match': '"999"' }
    for (const turn of ['resend', 'revoke'])
      expect((await server.root('POST', `/invites/${body.id}/${turn}`, { headers })).status).toBe(
        412,
      )
  })

  test('of nobody in this account is not found', async () => {
    const path = '/invites/01920000-0000-7000-8000-000000000000'
    expect((await server.root('GET', path)).status).toBe(404)
    for (const turn of ['resend', 'revoke'])
      expect((await server.root('POST', `${path}/${turn}`)).status).toBe(404)
  })
})

describe('nobody invites to more than they hold (H1)', () => {
  test.each([
    ['an admin', { roles: ['account-admin'] }],
    ['who may more', { roles: ['integrations-manager'] }],
    ['with basic credentials', { apiAccess: { http: true, smpp: false } }],
    ['with a safelist', { safelist: [{ range: '192.0.2.1' }] }],
  ])('who invites %s is refused', async (_, draft) => {
    expect(await invite(draft, manager)).toMatchObject(beyond)
    const { body } = await invite(draft)
    for (const turn of ['resend', 'revoke'])
      expect(await manager('POST', `/invites/${body.id}/${turn}`)).toMatchObject(beyond)
  })
  test('and invites within that', async () => {
    expect((await invite({}, manager)).body['roles']).toMatchObject([{ name: 'API user' }])
    const { call } = await server.addClient({ username: 'auditor', roles: ['auditor'] })
    expect((await invite({}, call)).status).toBe(403)
    expect((await call('GET', '/invites')).status).toBe(403)
  })
})

test('invites are listed by state, the newest first, page by page', async () => {
  const made = [await invite(), await invite(), await invite()].map(({ body }) => body.id)
  await server.root('POST', `/invites/${made[1] ?? ''}/revoke`)
  const idsOf = ({ body }: Answer) => body.items.map(({ id }) => id)
  const first = await server.root('GET', '/invites?state=pending&limit=1&count=true')
  const after = first.body.next ?? ''
  const second = await server.root('GET', `/invites?state=pending&limit=1&after=${after}`)
  expect([...idsOf(first), ...idsOf(second)]).toEqual([made[2], made[0]])
  const pending = await server.root('GET', '/invites?state=pending&limit=200')
  expect(first.body.total).toBe(pending.body.items.length)
  expect(idsOf(await server.root('GET', '/invites?state=revoked'))).toContain(made[1])
  expect(pathsOf(await server.root('GET', `/invites?state=revoked&after=${after}`))).toEqual([
    'after',
  ])
  expect(pathsOf(await server.root('GET', '/invites?state=open'))).toEqual(['state'])
})
