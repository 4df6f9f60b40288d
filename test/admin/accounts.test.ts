import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAdmin, type Client, type TestAdmin } from '../support/admin.ts'

let server: TestAdmin
let operator: Client

beforeAll(async () => {
  server = await startAdmin()
  operator = (await server.addClient({ username: 'operator', roles: ['platform-operator'] })).call
})
afterAll(() => server.stop())

describe('the settings of the own account', () => {
  test('are shown whole, with their defaults', async () => {
    const { status, headers, body } = await server.root('GET', '/account')
    expect(status).toBe(200)
    expect(headers.get('etag')).toBe('"1"')
    expect(body).toEqual({
      ...{ id: server.accountId, name: 'default', type: 'standard', region: 'global' },
      lockout: {
        ...{ limit: 5, windowSeconds: 900, lockSeconds: 900, maxLockSeconds: 86_400 },
        ...{ untilUnlocked: false, strict: false, consecutiveLimit: 100 },
      },
      passwords: { minLength: 12 },
      secondFactor: 'new-device',
      sessions: { idleMinutes: 60, absoluteHours: 24 },
      bindLimit: 4,
      channels: ['email', 'sms', 'voice'],
      supportAddress: null,
      createdAt: expect.any(String) as string,
      updatedAt: expect.any(String) as string,
    })
  })

  test('are edited in parts, which the audit tells with before and after', async () => {
    const body = {
      lockout: { limit: 3 },
      sessions: { idleMinutes: 5 },
      supportAddress: 'help@example.com',
    }
    const edited = await server.root('PATCH', '/account', { body, headers: { 'if-match': '"1"' } })
    expect(edited).toMatchObject({
      status: 200,
      body: {
        lockout: { limit: 3, windowSeconds: 900 },
        sessions: { idleMinutes: 5, absoluteHours: 24 },
        supportAddress: 'help@example.com',
        passwords: { minLength: 12 },
      },
    })
    expect(edited.headers.get('etag')).toBe('"2"')
    const [event] = await server.audit(1)
    expect(event).toMatchObject({
      ...{ action: 'account.changed', actorId: server.rootId, source: '127.0.0.1' },
      before: { settings: { lockout: { limit: 5 } } },
      after: { settings: { lockout: { limit: 3 } } },
    })
    expect(await server.root('PATCH', '/account', { body: {} })).toMatchObject({ status: 200 })
  })

  test('are not edited by who looked at an older version (H8)', async () => {
    const stale = { body: { bindLimit: 9 }, headers: { 'if-match': '"1"' } }
    expect(await server.root('PATCH', '/account', stale)).toMatchObject({ status: 412 })
    expect((await server.root('GET', '/account')).body['bindLimit']).toBe(4)
  })

  test('name all their faults at once, also those of several fields together', async () => {
    const body = {
      lockout: { limit: 0, odd: 1 },
      channels: ['pigeon'],
      secondFactor: 'maybe',
      name: 'mine',
    }
    const refused = await server.root('PATCH', '/account', { body })
    expect(refused.status).toBe(422)
    expect(refused.body.errors.map(({ path }) => path).sort()).toEqual([
      ...['channels.0', 'lockout.limit', 'lockout.odd', 'name', 'secondFactor'],
    ])
    const together = { lockout: { lockSeconds: 90_000, maxLockSeconds: 60 }, supportAddress: 'x' }
    const odd = await server.root('PATCH', '/account', { body: together })
    expect(odd.body.errors.map(({ path }) => path)).toEqual([
      ...['lockout.maxLockSeconds', 'supportAddress'],
    ])
  })

  test('are for who may manage the account alone', async () => {
    const { call } = await server.addClient({ username: 'viewer', roles: ['auditor'] })
    for (const method of ['GET', 'PATCH'])
      expect(await call(method, '/account', method === 'GET' ? {} : { body: {} })).toMatchObject({
        status: 403,
      })
  })
})

describe('accounts are the platform operator’s', () => {
  test('an Account admin of one of them sees none', async () => {
    for (const [method, path] of [
      ['GET', '/accounts'],
      ['POST', '/accounts'],
      ['GET', `/accounts/${server.accountId}`],
      ['PATCH', `/accounts/${server.accountId}`],
      ['GET', '/nodes'],
    ] as const)
      expect(await server.root(method, path, method === 'GET' ? {} : { body: {} })).toMatchObject({
        status: 403,
        body: { type: 'urn:sallyport:forbidden' },
      })
  })

  test('one is opened with its first Account admin, who sees nothing of the others', async () => {
    const admin = { username: 'acme-admin', email: 'admin@acme.example' }
    const body = { name: 'Acme', region: 'eu', settings: { bindLimit: 2 }, admin }
    const opened = await operator('POST', '/accounts', { body })
    expect(opened).toMatchObject({
      status: 201,
      body: { name: 'Acme', type: 'standard', region: 'eu', settings: { bindLimit: 2 } },
    })
    expect(await operator('GET', `/accounts/${opened.body.id}`)).toMatchObject({
      status: 200,
      body: { id: opened.body.id, settings: { bindLimit: 2 } },
    })
    expect((await server.audit(2)).map(({ action }) => action)).toEqual([
      ...['user.created', 'account.created'],
    ])
    const users = await server.root('GET', '/users?search=acme-admin')
    expect(users.body.items).toEqual([])
  })

  test.each([
    ['a name that is taken', { name: 'default' }, 'urn:sallyport:name-taken'],
    [
      'a username that is taken',
      { name: 'Other', admin: { username: 'ROOT', email: 'a@example.com' } },
      'urn:sallyport:username-taken',
    ],
  ])('%s is refused, and nothing of it is there', async (_, body, type) => {
    expect(await operator('POST', '/accounts', { body })).toMatchObject({
      status: 409,
      body: { type },
    })
    const names = (await operator('GET', '/accounts')).body.items.map(({ name }) => name)
    expect(names).not.toContain('Other')
  })

  test('faults are named where they stand', async () => {
    const body = {
      name: ' ',
      settings: { bindLimit: -1 },
      admin: { username: 'x y', email: 'nobody' },
    }
    const refused = await operator('POST', '/accounts', { body })
    expect(refused.status).toBe(422)
    expect(refused.body.errors.map(({ path }) => path).sort()).toEqual([
      ...['admin.email', 'admin.username', 'settings.bindLimit'],
    ])
    const blank = await operator('POST', '/accounts', { body: { name: ' ' } })
    expect(blank.body.errors.map(({ path }) => path)).toEqual(['name'])
  })

  test('they are listed page by page, edited, and never under a name that is taken', async () => {
    for (const name of ['Beta', 'Gamma']) await operator('POST', '/accounts', { body: { name } })
    const names: unknown[] = []
    let next: string | null = ''
    while (next !== null) {
      const after: string = next === '' ? '' : `&after=${next}`
      const page = await operator('GET', `/accounts?limit=2&count=true${after}`)
      expect(page.body.total).toBe(4)
      names.push(...page.body.items.map(({ name }) => name))
      next = page.body.next
    }
    expect(names).toEqual(['Acme', 'Beta', 'Gamma', 'default'])
    const [, beta] = (await operator('GET', '/accounts')).body.items
    const path = `/accounts/${String(beta?.['id'])}`
    const stale = { body: { name: 'Delta' }, headers: { 'if-match': '"9"' } }
    expect(await operator('PATCH', path, stale)).toMatchObject({ status: 412 })
    expect(await operator('PATCH', path, { body: { name: 'Gamma' } })).toMatchObject({
      status: 409,
    })
    expect(
      await operator('PATCH', path, { body: { name: 'Delta', settings: { bindLimit: 7 } } }),
    ).toMatchObject({ status: 200, body: { name: 'Delta', settings: { bindLimit: 7 } } })
    expect(await operator('PATCH', '/accounts/none', { body: {} })).toMatchObject({ status: 404 })
    expect(await operator('GET', '/accounts?after=x')).toMatchObject({ status: 422 })
  })
})

test('the nodes that serve are shown with their last sign of life', async () => {
  const { status, body } = await operator('GET', '/nodes')
  expect(status).toBe(200)
  expect(body.items).toMatchObject([{ version: '0.1.0', degraded: false }])
  expect(Date.parse(String(body.items[0]?.['seenAt']))).toBeGreaterThan(0)
})
