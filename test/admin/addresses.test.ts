import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { writeCursor, type Position } from '../../admin/paging.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { fetchDocument, nameOf, operationsOf, type Operation } from '../support/operations.ts'
import { dropPostgres, emptyPostgres, postgresServer } from '../support/postgres.ts'
import { sampleOf } from '../support/sample-body.ts'

/** As they stand in a path or query: no engine of ours must see what it cannot take. */
const texts = [
  '%00',
  'a%00b',
  '%ff',
  '%ed%a0%80',
  '%F0%9F%92%A9',
  'x'.repeat(3_000),
  "'",
  '%25',
  '-1',
  '__proto__',
]

const authorization = `Basic ${btoa('everything:everything-secret-1')}`

const start = async (engine: string): Promise<TestAdmin> => {
  const server = await startAdmin({
    file: { limits: { floorMs: 0 } },
    ...(engine === 'PostgreSQL' && { env: { DATABASE_URL: await emptyPostgres() } }),
  })
  onTestFinished(() => server.stop())
  await server.addClient({
    username: 'everything',
    password: 'everything-secret-1',
    roles: ['account-admin', 'platform-operator'],
  })
  return server
}

/** The addresses of an operation: each text as every id at once, and as each parameter alone. */
const addressesOf = ({ path, parameters = [] }: Operation): readonly string[] => {
  const queried = parameters.filter((it) => it.in === 'query')
  // Each export starts a thread, and its filters are those of the list.
  const tried = path.endsWith('.csv') ? texts.slice(0, 2) : texts
  const known = path.replaceAll(/\{\w+\}/g, '01920000-0000-7000-8000-000000000000')
  return [
    ...(path.includes('{') ? texts : []).map((text) => path.replaceAll(/\{\w+\}/g, text)),
    ...queried.flatMap(({ name }) => tried.map((text) => `${known}?${name}=${text}`)),
    ...queried.map(({ name }) => `${known}?${name}=1&${name}=1`),
  ]
}

/** Cursors of a list as somebody might write them who knows how they are made. */
const forged = (next: string): readonly string[] => {
  const [sort = '', key, id = ''] = JSON.parse(
    Buffer.from(next, 'base64url').toString(),
  ) as string[]
  const keys = ['\0', '\ud800', '', 'a', 1, -1, 1.5, 1e300, Number.MAX_SAFE_INTEGER]
  return [
    ...keys.map((it): Position => [sort, it, id]),
    ...['\0', '\ud800', '', 'a', '9'.repeat(15)].map((it): Position => [sort, key ?? '', it]),
  ].map((it) => writeCursor(it))
}

const engines = ['SQLite', 'PostgreSQL'] as const
const isThere = (await postgresServer()) !== undefined

const call = async (server: TestAdmin, { method }: Operation, address: string, body?: string) => {
  const response = await fetch(`${server.adminUrl}/api/v1${address}`, {
    ...{ method, headers: { authorization, 'content-type': 'application/json' } },
    ...(body === undefined ? {} : { body }),
  })
  return { status: response.status, text: await response.text() }
}

const failures = ({ logged }: TestAdmin): readonly string[] =>
  logged.filter((line) => line.includes('a call of the admin API failed'))

describe.each(engines)('on %s', (engine) => {
  afterAll(dropPostgres, 60_000)
  const isMissing = engine === 'PostgreSQL' && !isThere
  const patient = { timeout: 120_000 }

  test.skipIf(isMissing)('ids and queries of any text never fail', patient, async () => {
    const server = await start(engine)
    const document = await fetchDocument(server.adminUrl)
    const wrong: string[] = []
    let asked = 0
    for (const operation of operationsOf(document)) {
      const { body, responses } = operation
      const sample = body && JSON.stringify(sampleOf(document, body, { serial: 1 }))
      for (const address of addressesOf(operation)) {
        asked += 1
        const { status, text } = await call(server, operation, address, sample)
        if (status >= 500 || responses[status] === undefined)
          wrong.push(`${nameOf(operation)} ${address.slice(0, 80)}: ${status} ${text}`)
      }
    }
    expect(asked).toBeGreaterThan(500)
    expect(wrong).toEqual([])
    expect(failures(server)).toEqual([])
  })

  test.skipIf(isMissing)('cursors that were written by hand never fail', patient, async () => {
    const server = await start(engine)
    await server.addUser({ username: 'second' })
    const lists = operationsOf(await fetchDocument(server.adminUrl)).filter(
      ({ path, parameters = [] }) =>
        !path.includes('{') && parameters.some(({ name }) => name === 'after'),
    )
    const wrong: string[] = []
    let asked = 0
    for (const operation of lists)
      for (const sort of operation.path === '/users' ? ['&sort=name', '&sort=-createdAt'] : ['']) {
        const first = await call(server, operation, `${operation.path}?limit=1${sort}`)
        const { next } = JSON.parse(first.text) as { readonly next: string | null }
        for (const cursor of next === null ? [] : forged(next)) {
          asked += 1
          const address = `${operation.path}?limit=1${sort}&after=${cursor}`
          const { status, text } = await call(server, operation, address)
          if (status !== 200 && status !== 422)
            wrong.push(
              `${address} ${Buffer.from(cursor, 'base64url').toString()}: ${status} ${text}`,
            )
        }
      }
    expect(asked).toBeGreaterThan(50)
    expect(wrong).toEqual([])
    expect(failures(server)).toEqual([])
  })
})
