import Sqlite from 'better-sqlite3'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { appendEvent } from '../../db/events.ts'
import { systemActor } from '../../db/record.ts'
import { startAdmin, type Client, type TestAdmin } from '../support/admin.ts'
import { made } from '../support/database.ts'

let server: TestAdmin
let auditor: Client
let alice: string

beforeAll(async () => {
  server = await startAdmin()
  auditor = (await server.addClient({ username: 'auditor', roles: ['auditor'] })).call
  alice = (await server.addUser({ username: 'alice' })).id
  await server.root('PATCH', `/users/${alice}`, { body: { firstName: '=1+1', lastName: 'A, "B"' } })
  await server.root('POST', `/users/${alice}/disable`)
  await server.root('POST', `/users/${alice}/enable`)
  expect((await server.clientOf('Basic bm9ib2R5Ong=')('GET', '/me')).status).toBe(401)
  await server.core.refusals.flush()
})
afterAll(() => server.stop())

const actionsOf = async (query: string, call = auditor): Promise<readonly unknown[]> =>
  (await call('GET', `/events?${query}`)).body.items.map(({ action }) => action)

describe('the audit is searched (U16)', () => {
  test('by whom it is about, the newest first', async () => {
    const { body } = await auditor('GET', `/events?user=${alice}&count=true`)
    expect(body.items.map(({ action }) => action)).toEqual([
      ...['user.enabled', 'user.disabled', 'user.profile-changed', 'user.created'],
    ])
    expect(body.total).toBe(4)
    expect(body.items[2]).toMatchObject({
      ...{ actorId: server.rootId, userId: alice, username: 'alice', channel: 'http' },
      ...{ source: '127.0.0.1', before: { firstName: '' }, after: { firstName: '=1+1' } },
    })
    expect(Object.keys(body.items[0] ?? {})).not.toContain('tag')
  })

  test('by each of its other filters', async () => {
    expect(await actionsOf(`actor=${server.rootId}&action=user.disabled`)).toEqual([
      'user.disabled',
    ])
    expect(await actionsOf('action=user.disabled&source=::ffff:127.0.0.1')).toHaveLength(1)
    expect(await actionsOf('action=user.disabled&source=192.0.2.1')).toEqual([])
    expect(await actionsOf('action=user.disabled&channel=smpp')).toEqual([])
    const day = 86_400_000
    const from = new Date(Date.now() - day).toISOString()
    expect(await actionsOf(`action=user.disabled&from=${from}`)).toHaveLength(1)
    expect(await actionsOf(`action=user.disabled&to=${from}`)).toEqual([])
  })

  test('page by page, and no row is missed or shown twice', async () => {
    const seen: unknown[] = []
    let next: string | null = ''
    while (next !== null) {
      const page = await auditor('GET', `/events?limit=2${next === '' ? '' : `&after=${next}`}`)
      seen.push(...page.body.items.map(({ seq }) => seq))
      next = page.body.next
    }
    const whole = (await auditor('GET', '/events?limit=200')).body.items.map(({ seq }) => seq)
    expect(seen).toEqual(whole)
    expect(new Set(seen).size).toBe(seen.length)
  })

  test('what is nobody’s is shown to the platform operator alone', async () => {
    const operator = await server.addClient({
      username: 'operator',
      roles: ['auditor', 'platform-operator'],
    })
    expect(await actionsOf('reason=user-unknown')).toEqual([])
    expect(await actionsOf('reason=user-unknown', operator.call)).toEqual(['decision.refused'])
  })

  test('what is another account’s is not there', async () => {
    const { database } = server.core
    const other = await transact(database, async (tx) => {
      const account = made(await createAccount(tx, { actor: systemActor, name: 'other' }))
      await appendEvent(tx, { action: 'test.other', channel: 'system', accountId: account.id })
      return account
    })
    expect(other.id).not.toBe(server.accountId)
    expect(await actionsOf('action=test.other')).toEqual([])
  })

  test.each([
    ['source=010.0.0.1', 'source'],
    ['from=yesterday', 'from'],
    ['channel=ftp', 'channel'],
    ['odd=1', 'odd'],
    ['after=x', 'after'],
    ['limit=0', 'limit'],
  ])('%s is a fault', async (query, path) => {
    const { status, body } = await auditor('GET', `/events?${query}`)
    expect([status, body.errors.map((fault) => fault.path)]).toEqual([422, [path]])
  })
})

describe('the audit is exported', () => {
  const exported = (query: string): Promise<Response> =>
    fetch(`${server.adminUrl}/api/v1/events.csv?${query}`, {
      headers: { authorization: server.authorization },
    })

  test('as CSV under a decision, by the same filters', async () => {
    const response = await exported(`user=${alice}`)
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(response.headers.get('content-disposition')).toContain('events.csv')
    expect(response.headers.get('x-sallyport-decision')).toMatch(/^[0-9a-f-]{36}$/)
    const lines = (await response.text()).split('\r\n')
    expect(lines[0]).toBe(
      'seq,id,at,action,channel,actorId,userId,username,nameDigest,source,reason,target,count,firstAt,lastAt,decisionId,before,after,hash',
    )
    expect(lines.slice(1, -1).map((line) => line.split(',')[3])).toEqual([
      ...['user.enabled', 'user.disabled', 'user.profile-changed', 'user.created'],
    ])
  })

  test('whole, however long it is, and a name is no formula in it (H7)', async () => {
    const { database } = server.core
    const rows = 5_000
    await transact(database, async (tx) => {
      for (let at = 0; at < rows; at++)
        await appendEvent(tx, {
          ...{ action: 'test.many', channel: 'system', accountId: server.accountId },
          target: '=HYPERLINK("https://evil.example")',
        })
    })
    const text = await (await exported('action=test.many')).text()
    const lines = text.split('\r\n').slice(1, -1)
    expect(lines).toHaveLength(rows)
    for (const line of lines) expect(line).toContain(`"'=HYPERLINK(""https://evil.example"")"`)
  })

  test('to nobody who may not see it', async () => {
    const { call } = await server.addClient({ username: 'plain', roles: ['api-user'] })
    expect((await call('GET', '/events.csv')).status).toBe(403)
    expect((await call('GET', '/events')).status).toBe(403)
    expect((await auditor('GET', '/events.csv?limit=5')).status).toBe(422)
  })
})

test('the audit is verified, and a row that was changed in the file is named (H9)', async () => {
  const sound = await auditor('GET', '/events/verify')
  expect(sound).toMatchObject({ status: 200, body: { ok: true } })
  const file = new Sqlite(join(server.dataDir, 'sallyport.db'))
  file.exec('drop trigger events_refuse_update')
  const changed = file.prepare("update events set source = '192.0.2.1' where seq = 3")
  expect(changed.run().changes).toBe(1)
  file.close()
  expect((await auditor('GET', '/events/verify')).body).toMatchObject({
    ok: false,
    rows: 2,
    firstBroken: { seq: 3, why: 'changed' },
  })
})
