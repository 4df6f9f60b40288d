import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { faultOfJson } from '../../admin/json.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'

let server: TestAdmin

beforeAll(async () => {
  server = await startAdmin()
})
afterAll(() => server.stop())

/** An object with so many names. */
const objectOf = (names: number): string =>
  JSON.stringify(Object.fromEntries(Array.from({ length: names }, (_, index) => [`n${index}`, 1])))

describe('JSON that a lenient reader might take', () => {
  const rows: readonly (readonly [text: string, fault: string | undefined])[] = [
    ['{"a":1,"b":{"a":1},"c":[{"a":1},{"a":2}]}', undefined],
    ['"a\\"b"', undefined],
    ['{"a":"{\\"a\\":1,\\"a\\":2}","\\\\":1}', undefined],
    ['', 'malformed'],
    ['{"a":1,}', 'malformed'],
    ['\ufeff{}', 'malformed'],
    ['{"a":1,"a":1}', 'doubled-name'],
    ['{"a":1,"\\u0061":2}', 'doubled-name'],
    ['[{"b":{"c":1,"d":[],"c":2}}]', 'doubled-name'],
    [objectOf(100), undefined],
    [objectOf(101), 'too-many-names'],
    [`[${objectOf(60)},${objectOf(60)}]`, undefined],
    [`${'['.repeat(16)}${']'.repeat(16)}`, undefined],
    [`${'['.repeat(17)}${']'.repeat(17)}`, 'too-deep'],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'too-deep'],
  ]
  test.each(rows)('%j: %s', (text, fault) => {
    expect(faultOfJson(text)).toBe(fault)
  })
})

describe('a body', () => {
  const json = { 'content-type': 'application/json' }
  const rows = [
    ['that is no JSON', '{"firstName":', json, 400, 'bad-request'],
    ['with a name twice (B7)', '{"firstName":"A","firstName":"B"}', json, 400, 'bad-request'],
    ['that is not UTF-8', Buffer.from('{"a":"\xff"}', 'latin1'), json, 400, 'bad-request'],
    ['that is nested deeply', `{"a":${'['.repeat(30)}${']'.repeat(30)}}`, json, 400, 'bad-request'],
    ['of another type', '{}', { 'content-type': 'text/plain' }, 415, 'unsupported-media-type'],
    ['in another charset', '{}', { 'content-type': 'application/json; charset=utf-16' }, 415, ''],
    ['that is too large', `"${'x'.repeat(64 * 1024)}"`, json, 413, 'content-too-large'],
    ['with more names than anything has', objectOf(101), json, 422, 'invalid-input'],
    ['that is an array', '[]', json, 422, 'invalid-input'],
  ] as const
  test.each(rows)('%s is refused', async (_, body, headers, status, type) => {
    const { authorization } = server
    const response = await fetch(`${server.adminUrl}/api/v1/me`, {
      method: 'PATCH',
      headers: { authorization, ...headers },
      body,
    })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect((await response.json()) as object).toMatchObject({
      type: expect.stringContaining(type) as string,
      status,
    })
  })

  test('that is sent in pieces without a length is cut off at the limit', async () => {
    const piece = new Uint8Array(64 * 1024).fill(0x20)
    let pieces = 0
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => {
        pieces += 1
        controller.enqueue(piece)
        if (pieces > 1_000) controller.close()
      },
    })
    const { authorization } = server
    const asked = { method: 'PATCH', headers: { authorization, ...json }, body, duplex: 'half' }
    const answered = await fetch(`${server.adminUrl}/api/v1/me`, asked as RequestInit).then(
      ({ status }) => status,
      () => 413,
    )
    expect(answered).toBe(413)
    expect(pieces).toBeLessThan(1_000)
  })

  test('with all of its faults at once is answered with each of them', async () => {
    const { status, body } = await server.root('POST', '/users', {
      body: {
        username: 'a b',
        email: ['a@example.com', 'b@example.com'],
        language: 'tlh',
        timeZone: 'Mars/Olympus',
        mobileNumber: '0041',
        isAdmin: true,
        credentialEpoch: 7,
      },
    })
    expect({ status, type: body.type }).toEqual({
      status: 422,
      type: 'urn:sallyport:invalid-input',
    })
    expect(body.errors.map(({ path }) => path).sort()).toEqual([
      'credentialEpoch',
      'email',
      'isAdmin',
      'language',
      'mobileNumber',
      'timeZone',
      'username',
    ])
  })

  test.each(['\u202egnp.exe', 'a\u2066b', 'a\u0007b', 'a\u2028b'])(
    'with the name %j, which shows otherwise than it is, is refused',
    async (firstName) => {
      const { status, body } = await server.root('PATCH', '/me', { body: { firstName } })
      expect({ status, errors: body.errors }).toEqual({
        status: 422,
        errors: [{ path: 'firstName', message: 'has characters that cannot be seen' }],
      })
    },
  )

  test('that may hold a safelist is read up to 2 MB, and 100 of its faults are named', async () => {
    const { rootId, root } = server
    const put = (entries: unknown) =>
      root('PUT', `/users/${rootId}/safelist`, { body: { entries } })
    const { status, body } = await put(Array.from({ length: 10_000 }, () => ({ ranges: '' })))
    expect({ status, faults: body.errors.length }).toEqual({ status: 422, faults: 100 })
    expect((await put('x'.repeat(2 * 1024 * 1024))).status).toBe(413)
  })

  test.each([
    ['roles', ['account-admin']],
    ['enabled', false],
    ['id', '01920000-0000-7000-8000-000000000000'],
    ['password', ['a', 'b']],
    ['__proto__', { enabled: false }],
  ])('of PATCH /me with %s is refused (H4, B7)', async (name, value) => {
    const text = `{${JSON.stringify(name)}:${JSON.stringify(value)}}`
    const { status, body } = await server.root('PATCH', '/me', { body: text })
    expect({ status, errors: body.errors }).toEqual({
      status: 422,
      errors: [{ path: name, message: 'is not known' }],
    })
  })

  test('with bad ranges names each of them, as the body does', async () => {
    const { status, body } = await server.root('POST', '/users', {
      body: {
        username: 'ranged',
        email: 'ranged@example.com',
        safelist: [{ range: '010.0.0.1' }, { range: '192.0.2.0/24' }, { range: '10.0.0.0/33' }],
      },
    })
    expect({ status, paths: body.errors.map(({ path }) => path) }).toEqual({
      status: 422,
      paths: ['safelist.0.range', 'safelist.2.range'],
    })
  })
})

test.each([
  ['limit=0', 'limit'],
  ['limit=201', 'limit'],
  ['limit=ten', 'limit'],
  ['limit=1&limit=2', 'limit'],
  ['sort=password', 'sort'],
  ['after=nonsense', 'after'],
  ['serach=alice', 'serach'],
  ['locked=maybe', 'locked'],
  ['lastSignInBefore=yesterday', 'lastSignInBefore'],
])('a list asked for with %s is refused', async (query, path) => {
  const { status, body } = await server.root('GET', `/users?${query}`)
  expect({ status, paths: body.errors.map((fault) => fault.path) }).toEqual({
    status: 422,
    paths: [path],
  })
})
