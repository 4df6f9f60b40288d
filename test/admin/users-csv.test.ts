import { createIds } from '../../db/ids.ts'
import { streamFrom } from '../../admin/api/users-csv.ts'
import { snapshotOf } from '../../db/snapshot.ts'
import { createSystem } from '../../gateway/system.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedUsers } from '../bench/directory/seed.ts'
import { startAdmin, type TestAdmin } from '../support/admin.ts'
import { sqliteOf } from '../support/database.ts'

let server: TestAdmin

const seeded = 20_000

beforeAll(async () => {
  server = await startAdmin()
  for (const [index, firstName] of ["=cmd|'/c calc'!A1", '+1', '-1', '@SUM'].entries())
    await server.addUser({ username: `h7-${index}`, firstName })
  await server.addUser({ username: 'h7-4', firstName: 'say "hi",', lastName: 'you' })
})
afterAll(() => server.stop())

const download = (query = ''): Promise<Response> =>
  fetch(`${server.adminUrl}/api/v1/users.csv${query}`, {
    headers: { authorization: server.authorization },
  })

const linesOf = async (query: string): Promise<readonly string[]> =>
  (await (await download(query)).text()).split('\r\n')

test('the export has its columns, and no cell that a spreadsheet runs (H7)', async () => {
  const response = await download('?search=h7-&sort=username')
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toContain('text/csv')
  expect(response.headers.get('content-disposition')).toBe('attachment; filename="users.csv"')
  expect(response.headers.get('x-sallyport-decision')).not.toBeNull()
  expect((await response.text()).split('\r\n')).toEqual([
    'Name,Username,Email,Roles,Last login,Status',
    "'=cmd|'/c calc'!A1,h7-0,,,,active",
    "'+1,h7-1,,,,active",
    "'-1,h7-2,,,,active",
    "'@SUM,h7-3,,,,active",
    '"say ""hi"", you",h7-4,,,,active',
    '',
  ])
})

test('nobody exports without the permission, and unknown parameters are faults', async () => {
  const { call } = await server.addClient({ username: 'plain', roles: ['api-user'] })
  expect((await call('GET', '/users.csv').catch(() => undefined))?.status).toBe(403)
  const { status, body } = await server.root('GET', '/users.csv?limit=3')
  expect([status, body.errors]).toEqual([422, [{ path: 'limit', message: 'is not known' }]])
})

test('all are exported, in the order of the list, and a reader that goes away makes room', async () => {
  const { database } = server.core
  const seed = { accountId: server.accountId, users: seeded, newId: createIds(createSystem()) }
  seedUsers({ file: sqliteOf(database).file, now: database.now(), ...seed })
  const lines = await linesOf('?sort=-createdAt')
  const { body } = await server.root('GET', '/users?count=true&sort=-createdAt&limit=200')
  expect(lines).toHaveLength((body.total ?? 0) + 2)
  expect(lines.slice(1, 201).map((line) => line.split(',').at(-1))).toEqual(
    body.items.map(({ status }) => status),
  )
  for (let times = 0; times < 4; times++) {
    const response = await download()
    expect(response.status).toBe(200)
    await response.body?.cancel()
    await expect
      .poll(async () => (await linesOf('?search=h7-1')).length, { timeout: 20_000 })
      .toBe(3)
  }
})

test('HEAD is told what GET would be, and takes no place of an export', async () => {
  const { adminUrl, authorization } = server
  const ask = { method: 'HEAD', headers: { authorization } }
  for (let times = 0; times < 5; times++) {
    const { status, headers } = await fetch(`${adminUrl}/api/v1/users.csv`, ask)
    expect([status, headers.get('content-type')]).toEqual([
      200,
      'text/csv; charset=utf-8; header=present',
    ])
  }
  expect(await linesOf('?search=h7-1')).toHaveLength(3)
})

test('a user has one export at a time, and leaves room to another of the account', async () => {
  await server.addUser({
    username: 'second',
    password: 'second-secret-1',
    roles: ['account-admin'],
  })
  const statusFor = async (name: string) => {
    const authorization = `Basic ${btoa(`${name}:${name}-secret-1`)}`
    const response = await fetch(`${server.adminUrl}/api/v1/users.csv`, {
      headers: { authorization },
    })
    return { status: response.status, response }
  }
  const [one, two, other] = await Promise.all(['root', 'root', 'second'].map(statusFor))
  expect([[one?.status, two?.status].sort(), other?.status]).toEqual([[200, 503], 200])
  for (const asked of [one, two, other]) await asked?.response.body?.cancel()
})

test('an export that is taken too slowly is broken off, and somebody is told', async () => {
  const { database } = server.core
  const list = { accountId: server.accountId, filter: {}, sort: 'name', descending: false } as const
  const failure = await new Promise((resolve) => {
    streamFrom({ snapshot: snapshotOf(database), list }, resolve, 200)
  })
  expect(failure).toMatchObject({ message: 'an export took longer than 200 ms' })
})
