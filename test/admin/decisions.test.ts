import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { createUser } from '../../db/users.ts'
import { proving, screening } from '../../policies/rules.ts'
import { startAdmin, type Answer, type Client, type TestAdmin } from '../support/admin.ts'
import { made } from '../support/database.ts'
import { basic } from '../support/gateway.ts'

let server: TestAdmin
let auditor: Client

beforeAll(async () => {
  server = await startAdmin({
    env: { HTTP_UPSTREAM: '' },
    file: {
      limits: { floorMs: 0 },
      routes: [
        { path: '/free', upstream: ['http://127.0.0.1:9'] },
        { path: '/sms', upstream: ['http://127.0.0.1:9'], permission: 'sms/send' },
      ],
    },
  })
  auditor = (await server.addClient({ username: 'auditor', roles: ['auditor'] })).call
  await server.addUser({ username: 'alice', password: 'alice-secret-1' })
  await server.addUser({ username: 'bob', safelist: [{ range: '203.0.113.0/24' }] })
})
afterAll(() => server.stop())

const explained = (body: object): Promise<Answer> =>
  auditor('POST', '/decisions/explain', {
    body: {
      ...{ channel: 'http', username: 'alice', credential: 'password', source: '198.51.100.7' },
      ...body,
    },
  })

describe('an attempt that nobody makes is explained (U15)', () => {
  test.each([
    ['a right one', { path: '/free' }, 'permit', null],
    ['a permission that is missing', { path: '/sms/3' }, 'refuse', 'permission-missing'],
    ['a path of no route', { path: '/other' }, 'refuse', 'route-unknown'],
    ['an address outside the safelist', { username: 'bob' }, 'refuse', 'source-not-safelisted'],
    ['a name that is no user', { username: 'nobody' }, 'refuse', 'user-unknown'],
    ['a bind', { channel: 'smpp' }, 'permit', null],
  ])('%s', async (_, body, effect, reason) => {
    const { status, body: answer } = await explained(body)
    expect([status, answer['effect'], answer['reason']]).toEqual([200, effect, reason])
  })

  test('by every rule, in the order in which they decide', async () => {
    const { body } = await explained({ username: 'bob' })
    const rules = body['rules'] as readonly { rule: string; outcome: string; because: string }[]
    expect(rules.map(({ rule }) => rule)).toEqual(
      [...screening, ...proving].map(({ name }) => name),
    )
    expect(rules.filter(({ outcome }) => outcome !== 'passed')).toEqual([
      { rule: 'sourceIsSafelisted', outcome: 'refuse', because: 'source-not-safelisted' },
    ])
  })

  test('and all its faults are named at once', async () => {
    const { status, body } = await explained({ channel: 'ftp', credential: 'x', source: '10.1' })
    expect([status, body.errors.map(({ path }) => path)]).toEqual([
      ...[422, ['channel', 'credential', 'source']],
    ])
  })

  test('and another account’s user is nobody', async () => {
    await transact(server.core.database, async (tx) => {
      const account = made(await createAccount(tx, { actor: systemActor, name: 'other' }))
      const { id: accountId } = account
      return made(await createUser(tx, { actor: systemActor, accountId, username: 'elsewhere' }))
    })
    expect((await explained({ username: 'elsewhere' })).body['reason']).toBe('user-unknown')
  })
})

describe('a refusal is found by its id', () => {
  const refusalOf = async (path: string, authorization: string): Promise<string> => {
    const { headers } = await fetch(server.url + path, { headers: { authorization } })
    await server.core.refusals.flush()
    return headers.get('x-sallyport-decision') ?? ''
  }

  test('with what the rules say of it now', async () => {
    const id = await refusalOf('/sms/3', basic('alice', 'alice-secret-1'))
    const { status, body } = await auditor('GET', `/decisions/${id}`)
    expect(status).toBe(200)
    expect(body).toMatchObject({
      decision: {
        ...{ id, reason: 'permission-missing', channel: 'http', source: '127.0.0.1' },
        ...{ username: 'alice', target: 'GET /sms/3', count: 1 },
      },
      ...{ effect: 'refuse', reason: 'permission-missing' },
    })
    expect((await auditor('GET', `/decisions/urn:uuid:${id}`)).status).toBe(200)
  })

  test('also one of the admin API itself, by what its route demands', async () => {
    const { call } = await server.addClient({ username: 'plain', roles: ['api-user'] })
    const { headers } = await call('POST', `/users/${server.rootId}/disable`)
    await server.core.refusals.flush()
    const id = headers.get('x-sallyport-decision') ?? ''
    expect((await auditor('GET', `/decisions/${id}`)).body).toMatchObject({
      decision: { reason: 'permission-missing', username: 'plain' },
      ...{ effect: 'refuse', reason: 'permission-missing' },
    })
  })

  test('of a name that is nobody’s by the platform operator alone', async () => {
    const id = await refusalOf('/free', basic('nobody', 'x'))
    expect((await auditor('GET', `/decisions/${id}`)).status).toBe(404)
    const operator = await server.addClient({
      username: 'operator',
      roles: ['auditor', 'platform-operator'],
    })
    expect((await operator.call('GET', `/decisions/${id}`)).body).toMatchObject({
      decision: { reason: 'user-unknown', username: null },
    })
  })

  test('and any other id is none', async () => {
    for (const id of [server.rootId, 'x', '01920000-0000-7000-8000-000000000000'])
      expect((await auditor('GET', `/decisions/${id}`)).status).toBe(404)
  })
})
