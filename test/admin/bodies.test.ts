import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { createOwners, planted, type Owner } from '../support/api-things.ts'
import { collectionsIn } from '../support/matrix.ts'
import {
  fetchDocument,
  nameOf,
  operationsOf,
  type ApiDocument,
  type Operation,
  type Schema,
} from '../support/operations.ts'
import { sampleOf, textsIn, withAt } from '../support/sample-body.ts'

type Taking = Operation & { readonly body: Schema }

type Said = {
  readonly status: number
  readonly type: string
  readonly text: string
  readonly paths: readonly string[]
}

let server: TestAdmin
let document: ApiDocument
let taking: readonly Taking[]
let make: (collections: readonly string[]) => Promise<Owner>
let serial = 0

beforeAll(async () => {
  server = await startAdmin({ file: { limits: { floorMs: 0 }, sourceBudget: { limit: 1e9 } } })
  document = await fetchDocument(server.adminUrl)
  taking = operationsOf(document).flatMap((it) =>
    it.body === undefined ? [] : [{ ...it, body: it.body }],
  )
  const owners = await createOwners(server, `a ${planted} secret`)
  const gives = { permissions: [], role: 'api-user' }
  make = (collections) =>
    owners({ accountId: server.accountId, role: 'api-user', gives }, collections)
  // Who may call everything.
  await server.addClient({
    username: 'everything',
    password: 'everything-secret-1',
    roles: ['account-admin', 'platform-operator'],
  })
})
afterAll(() => server.stop())

const json = { 'content-type': 'application/json' }

const send = async (
  operation: Taking,
  body: string,
  headers: Readonly<Record<string, string>> = json,
): Promise<Said> => {
  const { method, path } = operation
  const collections = collectionsIn(path)
  const owner = await make(collections)
  const ids = collections.map((collection) => owner.idIn(collection))
  const authorization = `Basic ${btoa('everything:everything-secret-1')}`
  const response = await fetch(
    `${server.adminUrl}/api/v1${path.replaceAll(/\{\w+\}/g, () => ids.shift() ?? '')}`,
    { method, headers: { authorization, ...headers }, body: Buffer.from(body) },
  )
  const text = await response.text()
  const type = response.headers.get('content-type') ?? ''
  const { errors = [] } = (type === 'application/problem+json' ? JSON.parse(text) : {}) as {
    readonly errors?: readonly { readonly path: string }[]
  }
  return { status: response.status, type, text, paths: errors.map(({ path: at }) => at) }
}

const sample = ({ body }: Taking): object =>
  sampleOf(document, body, { serial: ++serial, isFull: true }) as object

/** Asks all operations that take a body, and answers what was not refused as it must be. */
const notRefused = async (
  statuses: readonly number[],
  bodiesOf: (operation: Taking) => readonly string[],
  headers?: Readonly<Record<string, string>>,
): Promise<readonly string[]> => {
  const wrong: string[] = []
  for (const operation of taking)
    for (const body of bodiesOf(operation)) {
      const { status, type, text } = await send(operation, body, headers)
      const isDocumented = operation.responses[status] !== undefined
      if (statuses.includes(status) && isDocumented && type === 'application/problem+json') continue
      wrong.push(`${nameOf(operation)} ${body.slice(0, 80)}: ${status} ${text.slice(0, 80)}`)
    }
  return wrong
}

test('a list in place of a text is refused wherever a text stands, and not said again (B7)', async () => {
  const wrong: string[] = []
  let asked = 0
  for (const operation of taking)
    for (const at of textsIn(document, operation.body)) {
      asked += 1
      const body = withAt(sample(operation), at, [`${planted} one`, `${planted} two`])
      const { status, paths, text } = await send(operation, JSON.stringify(body))
      if (status !== 422 || !paths.includes(at.join('.')) || text.includes(planted))
        wrong.push(`${nameOf(operation)} ${at.join('.')}: ${status} ${text}`)
    }
  expect(asked).toBeGreaterThan(40)
  expect(wrong).toEqual([])
})

test.each([
  ['a name that stands twice', [400], (body: string) => body.replace('{', '{"a":1,"a":2,')],
  [
    'a name twice, once in escapes',
    [400],
    (body: string) => body.replace('{', '{"a":1,"\\u0061":2,'),
  ],
  ['a field that is not known', [422], (body: string) => body.replace('{', '{"isAdmin":true,')],
  ['a field of every object', [422], (body: string) => body.replace('{', '{"__proto__":{"a":1},')],
  [
    'what is nested deeply',
    [400],
    (body: string) => `{"a":${'['.repeat(5_000)}${']'.repeat(5_000)},${body.slice(1)}`,
  ],
  [
    'a body of a megabyte',
    [413, 422],
    (body: string) => body.replace('{', `{"a":"${'x'.repeat(1 << 20)}",`),
  ],
  [
    'a body of three megabytes',
    [413],
    (body: string) => body.replace('{', `{"a":"${'x'.repeat(3 << 20)}",`),
  ],
  ['what is no JSON', [400], (body: string) => body.slice(0, -1)],
  ['nothing', [400], () => ''],
  ['a list of bodies', [422], (body: string) => `[${body}]`],
  ['null', [422], () => 'null'],
  ['a text', [422], () => '"text"'],
] as const)('%s is refused by every operation', async (_, statuses, spoil) => {
  expect(
    await notRefused(statuses, (operation) => [spoil(JSON.stringify(sample(operation)))]),
  ).toEqual([])
})

test.each([
  ['text/plain'],
  ['application/x-www-form-urlencoded'],
  ['multipart/form-data; boundary=x'],
  ['application/json; charset=latin1'],
  ['application/json, text/plain'],
  [''],
])('a body of the type "%s" is refused by every operation', async (type) => {
  const bodies = (operation: Taking) => [JSON.stringify(sample(operation))]
  expect(await notRefused([415], bodies, { 'content-type': type })).toEqual([])
})

describe('a value that no field expects', () => {
  const values = ['\u0000', '\ud800', 'x'.repeat(100_000), '', {}, null, -1, 1e300, true, [[]]]

  test('is taken or refused as documented, and never a failure', async () => {
    const wrong: string[] = []
    for (const operation of taking)
      for (const at of Object.keys(sample(operation)))
        for (const value of values) {
          const body = JSON.stringify(withAt(sample(operation), [at], value))
          const { status, text } = await send(operation, body)
          if (status >= 500 || operation.responses[status] === undefined)
            wrong.push(
              `${nameOf(operation)} ${at} ${JSON.stringify(value).slice(0, 20)}: ${status} ${text}`,
            )
        }
    expect(wrong).toEqual([])
    expect(server.logged.filter((line) => line.includes('a call of the admin API failed'))).toEqual(
      [],
    )
  }, 120_000)
})
