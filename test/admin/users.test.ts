import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { recordSignIn } from '../../db/users.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { basic } from '../support/gateway.ts'

let server: TestAdmin

const dayOf = (day: number): number => Date.UTC(2027, 0, day)

/** Name, last name, e-mail, switches, and the day of the last sign-in. */
const people = [
  { username: 'zoe', firstName: 'Ana', lastName: 'Árpád', http: true, smpp: false, day: 3 },
  { username: 'Bea', firstName: 'bea', lastName: '100%_\\', http: false, smpp: true, day: 1 },
  { username: 'carl', firstName: 'Carl', lastName: 'Same', http: false, smpp: false, day: 2 },
  { username: 'dora', firstName: 'Carl', lastName: 'Same', http: true, smpp: true, day: 0 },
] as const

beforeAll(async () => {
  server = await startAdmin()
  const { database } = server.core
  for (const { username, firstName, lastName, http, smpp, day } of people) {
    const { id } = await server.addUser({
      username,
      firstName,
      lastName,
      password: `${username}-secret-1`,
      email: username === 'carl' ? undefined : `${username}@Mail.example`,
      apiAccess: { http, smpp },
      roles: username === 'dora' ? ['auditor', 'api-user'] : ['api-user'],
      enabled: username !== 'carl',
    })
    const signIn = { userId: id, at: dayOf(day), source: '192.0.2.1', channel: 'web' } as const
    if (day > 0) await transact(database, (tx) => recordSignIn(tx, signIn))
  }
})
afterAll(() => server.stop())

const namesOf = async (query: string): Promise<readonly unknown[]> =>
  (await server.root('GET', `/users?${query}`)).body.items.map(({ username }) => username)

describe('a list of users', () => {
  test.each([
    ['name', ['root', 'zoe', 'Bea', 'carl', 'dora']],
    ['-name', ['dora', 'carl', 'Bea', 'zoe', 'root']],
    ['username', ['Bea', 'carl', 'dora', 'root', 'zoe']],
    ['email', ['carl', 'Bea', 'dora', 'root', 'zoe']],
    ['-lastSignIn', ['zoe', 'carl', 'Bea', 'dora', 'root']],
    ['createdAt', ['root', 'zoe', 'Bea', 'carl', 'dora']],
  ])('sorted by %s is the same, whole or page by page', async (sort, expected) => {
    expect(await namesOf(`sort=${sort}`)).toEqual(expected)
    const seen: unknown[] = []
    let after = ''
    do {
      const { body } = await server.root('GET', `/users?sort=${sort}&limit=2${after}`)
      seen.push(...body.items.map(({ username }) => username))
      after = body.next === null ? '' : `&after=${body.next}`
    } while (after !== '')
    expect(seen).toEqual(expected)
  })

  test.each([
    ['search=EA', ['Bea']],
    ['search=%C3%81RP', ['zoe']],
    ['search=mail.EX', ['zoe', 'Bea', 'dora']],
    ['search=carl%20s', ['carl', 'dora']],
    ['search=%25', ['Bea']],
    ['search=0%25_', ['Bea']],
    ['search=%5C', ['Bea']],
    ["search='%20or%201", []],
    ['search=%22', []],
    ['search=*', []],
    ['status=disabled', ['carl']],
    ['status=active&search=carl', ['dora']],
    ['status=locked', []],
    ['role=auditor', ['dora']],
    ['role=account-admin', ['root']],
    ['role=nobody', []],
    ['locked=true', []],
    ['locked=false&search=bea', ['Bea']],
    ['httpBasic=true&search=mail', ['zoe', 'dora']],
    ['httpBasic=false', ['Bea', 'carl']],
    ['smppBasic=true&search=mail', ['Bea', 'dora']],
    ['lastSignInAfter=2027-01-02T00:00:00Z', ['zoe', 'carl']],
    ['lastSignInAfter=2027-01-02T01:00:00%2B01:00&lastSignInBefore=2027-01-03T00:00:00Z', ['carl']],
    ['lastSignInBefore=2027-01-02T00:00:00Z&search=mail', ['Bea', 'dora']],
  ])('narrowed to %s shows %j', async (query, expected) => {
    expect(await namesOf(query)).toEqual(expected)
    const counted = await server.root('GET', `/users?${query}&count=true&limit=1`)
    expect(counted.body.total).toBe(expected.length)
  })

  test('has no total unless it is asked for, and a page of another sort is none of it', async () => {
    const { body } = await server.root('GET', '/users?limit=1')
    expect(body).not.toHaveProperty('total')
    const other = await server.root('GET', `/users?limit=1&sort=email&after=${body.next ?? ''}`)
    expect(other.status).toBe(422)
  })
})

describe('a change', () => {
  test('with a stale If-Match is refused, and nothing is written (H8)', async () => {
    const { id } = await server.addUser({ username: 'eve', roles: ['api-user'] })
    const path = `/users/${id}`
    const tag = (await server.root('GET', path)).headers.get('etag') ?? ''
    await server.root('PUT', `${path}/roles/auditor`, { headers: { 'if-match': tag } })
    for (const [method, at, body] of [
      ['PATCH', path, { firstName: 'Late' }],
      ['POST', `${path}/disable`, undefined],
      ['DELETE', `${path}/roles/auditor`, undefined],
    ] as const) {
      const late = await server.root(method, at, {
        headers: { 'if-match': tag },
        ...(body && { body }),
      })
      expect(late).toMatchObject({
        status: 412,
        body: { type: 'urn:sallyport:precondition-failed' },
      })
    }
    const now = await server.root('GET', path)
    expect(now.body).toMatchObject({ firstName: '', enabled: true })
    expect(now.headers.get('etag')).not.toBe(tag)
    const any = { headers: { 'if-match': '*' }, body: { firstName: 'Any' } }
    expect((await server.root('PATCH', path, any)).body['firstName']).toBe('Any')
  })

  test('to a name or an address that is taken is a conflict, in any spelling (C1)', async () => {
    const body = { username: 'ZOE', email: 'new@example.com' }
    expect(await server.root('POST', '/users', { body })).toMatchObject({
      status: 409,
      body: { type: 'urn:sallyport:username-taken' },
    })
    const taken = { email: 'ZOE@mail.EXAMPLE' }
    const conflict = { status: 409, body: { type: 'urn:sallyport:email-taken' } }
    const another = { body: { username: 'another', ...taken } }
    expect(await server.root('POST', '/users', another)).toMatchObject(conflict)
    const edit = { body: taken }
    expect(await server.root('PATCH', `/users/${server.rootId}`, edit)).toMatchObject(conflict)
  })

  test('of a contact asks for it to be verified anew, and is searched at once', async () => {
    const { id } = await server.addUser({ username: 'fay', email: 'fay@example.com' })
    const body = { email: 'Fay@new.example', mobileNumber: '+38591234567', lastName: 'Novak' }
    expect((await server.root('PATCH', `/users/${id}`, { body })).body).toMatchObject({
      email: 'Fay@new.example',
      emailVerified: false,
      mobileVerified: false,
    })
    expect(await namesOf('search=fay@new')).toEqual(['fay'])
    expect(await namesOf('search=novak')).toEqual(['fay'])
    expect(await namesOf('search=fay@example')).toEqual([])
  })

  test('that changes nothing is neither news nor audit', async () => {
    const { body: before, headers } = await server.root('GET', `/users/${server.rootId}`)
    const newest = await server.audit(1)
    const body = { firstName: before['firstName'], language: before['language'] }
    const same = await server.root('PATCH', `/users/${server.rootId}`, { body })
    expect(same.body).toEqual(before)
    expect(same.headers.get('etag')).toBe(headers.get('etag'))
    expect(await server.audit(1)).toEqual(newest)
  })
})

test('a new user has what was asked for, and no more', async () => {
  const { status, body } = await server.root('POST', '/users', {
    body: {
      username: 'gina',
      email: 'gina@example.com',
      language: 'pt-419',
      safelist: [{ range: '192.0.2.0/24', expiresAt: '2030-01-01T00:00:00Z' }],
      apiAccess: { http: true, smpp: false },
    },
  })
  expect(status).toBe(201)
  expect(body).toMatchObject({
    status: 'active',
    lock: null,
    roles: [{ name: 'API user' }],
    apiAccess: { http: true, smpp: false },
    safelistSize: 1,
    lastSignIn: null,
    language: 'pt-419',
    timeZone: 'UTC',
  })
  expect(Object.keys(body).filter((name) => /hash|key|epoch|version|account/i.test(name))).toEqual(
    [],
  )
})

test('a lock shows since when, until when, from where and on what, and is undone (U8)', async () => {
  const { id, call } = await server.addClient({ username: 'hugo', roles: ['auditor'] })
  for (let i = 0; i < 5; i++) await server.clientOf(basic('hugo', `wrong-${i}`))('GET', '/me')
  expect((await call('GET', '/me')).status).toBe(401)
  const locked = await server.root('GET', `/users/${id}`)
  expect(locked.body).toMatchObject({
    status: 'locked',
    lock: {
      since: expect.stringMatching(/Z$/) as string,
      until: expect.stringMatching(/Z$/) as string,
      buckets: [{ source: 'unknown', failures: 5, channels: ['http'], sources: ['127.0.0.1'] }],
    },
  })
  const unlocked = await server.root('POST', `/users/${id}/unlock`)
  expect(unlocked).toMatchObject({ status: 200, body: { status: 'active', lock: null } })
  expect((await call('GET', '/me')).status).toBe(200)
  expect(await server.audit(1)).toMatchObject([{ action: 'user.unlocked', userId: id }])
})

test('nobody unlocks themselves, and so forgets guesses at their own password', async () => {
  const { id, call } = await server.addClient({ username: 'otto', roles: ['user-manager'] })
  expect(await call('POST', `/users/${id}/unlock`)).toMatchObject({
    status: 409,
    body: { type: 'urn:sallyport:own-account' },
  })
})

test('each permission of a user comes with the roles that give it', async () => {
  const { id } = await server.addUser({ username: 'ivan', roles: ['auditor', 'user-manager'] })
  const { body } = await server.root('GET', `/users/${id}/permissions`)
  expect(body.items.find(({ permission }) => permission === 'users/view')).toMatchObject({
    roles: [{ name: 'Auditor' }, { name: 'User manager' }],
  })
  expect(body.items.find(({ permission }) => permission === 'users/manage')).toMatchObject({
    roles: [{ name: 'User manager' }],
  })
  expect(body.items.some(({ permission }) => permission === 'account/manage')).toBe(false)
})
