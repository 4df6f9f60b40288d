import Sqlite from 'better-sqlite3'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { verifyEvents } from '../../db/chain-verification.ts'
import { startAdmin, type Answer, type TestAdmin } from '../support/admin.ts'
import { sqliteOf } from '../support/database.ts'
import { dropPostgres, emptyPostgres, postgresServer } from '../support/postgres.ts'
import { startFaultProxy } from '../support/tcp-fault-proxy.ts'

const unavailable = { status: 503, body: { type: 'urn:sallyport:service-unavailable' } }

const expectUnavailable = (answer: Answer): void => {
  expect(answer).toMatchObject(unavailable)
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
  expect(answer.headers.get('x-sallyport-decision')).toMatch(/^[0-9a-f-]{36}$/)
}

describe('while SQLite cannot be written, reads go on and writes fail closed (I4)', () => {
  let server: TestAdmin
  beforeAll(async () => {
    server = await startAdmin()
    await server.addUser({ username: 'alice', firstName: 'before' })
  })
  afterAll(() => server.stop())

  const writer = () => sqliteOf(server.core.database).connections.writer

  const faults: readonly (readonly [string, () => () => void])[] = [
    [
      'read-only',
      () => {
        writer().pragma('query_only = on')
        return () => void writer().pragma('query_only = off')
      },
    ],
    [
      'busy',
      () => {
        const other = new Sqlite(join(server.dataDir, 'sallyport.db'))
        other.exec('begin immediate')
        return () => void other.close()
      },
    ],
    [
      'full',
      () => {
        const pages = Number(writer().pragma('page_count', { simple: true }))
        writer().pragma(`max_page_count = ${pages}`)
        return () => void writer().pragma('max_page_count = 1073741823')
      },
    ],
  ]

  test.each(faults)('%s', async (_, begin) => {
    const alice = await server.root('GET', '/users?search=alice')
    const path = `/users/${String(alice.body.items[0]?.['id'])}`
    const end = begin()
    onTestFinished(end)
    // However much room there is in the pages that there are, some of these have none.
    const answers: Answer[] = []
    for (let at = 0; at < 200 && !answers.some(({ status }) => status === 503); at++) {
      const body = {
        username: `new-${at}`,
        email: `new-${at}@example.com`,
        firstName: 'x'.repeat(99),
      }
      answers.push(await server.root('POST', '/users', { body }))
    }
    expectUnavailable(answers.at(-1) as Answer)
    expect((await server.root('GET', path)).status).toBe(200)
    expect((await server.root('GET', '/sessions')).status).toBe(200)
    end()
    const made = answers.filter(({ status }) => status === 201)
    const found = await server.root('GET', '/users?search=new-&count=true')
    expect(found.body.total).toBe(made.length)
    expect(await verifyEvents(server.core.database)).toMatchObject({ ok: true })
    expect((await server.root('PATCH', path, { body: { firstName: 'after' } })).status).toBe(200)
    for (const { id } of made.map(({ body }) => body))
      expect((await server.root('POST', `/users/${id}/disable`)).status).toBe(200)
  })
})

describe.skipIf((await postgresServer()) === undefined)('while PostgreSQL is lost', () => {
  afterAll(dropPostgres, 60_000)

  test.each(['reset', 'blackhole'] as const)(
    'calls are unavailable, not failed: %s',
    async (kind) => {
      const url = new URL(await emptyPostgres())
      const proxy = await startFaultProxy(Number(url.port || 5432))
      url.host = `127.0.0.1:${proxy.port}`
      const server = await startAdmin({ env: { DATABASE_URL: url.href } })
      onTestFinished(async () => {
        proxy.set({ kind: 'none' })
        await server.stop()
        await proxy.stop()
      })
      expect((await server.root('GET', '/users')).status).toBe(200)
      proxy.set({ kind })
      expectUnavailable(await server.root('GET', '/users'))
      expectUnavailable(await server.root('PATCH', '/me', { body: { firstName: 'X' } }))
      proxy.set({ kind: 'none' })
      await expect
        .poll(async () => (await server.root('GET', '/users')).status, { timeout: 30_000 })
        .toBe(200)
    },
  )
})
