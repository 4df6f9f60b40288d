import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey, rotateApiKey, setApiKeyEnabled } from '../../db/api-keys.ts'
import { appendChange } from '../../db/changes.ts'
import { closeDatabase, openDatabase, transact, type Database } from '../../db/database.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor as actor } from '../../db/record.ts'
import { findRefusal } from '../../db/refusals.ts'
import { grantRole, revokeRole } from '../../db/roles.ts'
import { replaceSafelist } from '../../db/safelists.ts'
import { roles } from '../../db/schema/users.ts'
import { createToken, digestToken } from '../../db/secrets.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setApiAccess, setUserEnabled } from '../../db/users.ts'
import { createSystem } from '../../gateway/system.ts'
import { countHashes } from '../support/attempts.ts'
import { basic, startGateway, type TestGateway } from '../support/gateway.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'
import { sqliteOf } from '../support/database.ts'

let upstream: TestUpstream
let gateway: TestGateway
/** Another process's view of the same file: its changes come as news, never as a call. */
let elsewhere: Database
let hashes: () => number

const password = 'a-long-secret-1'
const { random, now } = createSystem()
let users = 0

beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({
    file: {
      routes: [
        { path: '/', upstream: [upstream.url] },
        { path: '/sms', upstream: [upstream.url], permission: 'sms/send' },
      ],
      // Few users in memory: what is hot stays, what is not has to go.
      caches: { users: 8 },
    },
  })
  const { file } = sqliteOf(gateway.core.database)
  elsewhere = await openDatabase({ file, now, random })
  hashes = countHashes(gateway.core).hashes
  await gateway.addUser({ username: 'root', password, roles: ['account-admin'] })
})
afterAll(async () => {
  await closeDatabase(elsewhere)
  await gateway.stop()
  await upstream.stop()
})

const call = (authorization: string, path = '/sms/3/messages'): Promise<Response> =>
  fetch(gateway.url + path, { headers: { authorization } })

const reasonOf = async (response: Response): Promise<string> => {
  await gateway.core.refusals.flush()
  const id = response.headers.get('x-sallyport-decision') ?? ''
  return (await findRefusal(gateway.core.database, id))?.event.reason ?? ''
}

/** A user of whom everything is in the caches. */
const prime = async (): Promise<{ user: UserRow; authorization: string }> => {
  const username = `user-${++users}`
  const user = await gateway.addUser({ username, password, roles: ['account-admin'] })
  const authorization = basic(username, password)
  expect((await call(authorization)).status).toBe(200)
  const before = hashes()
  expect((await call(authorization)).status).toBe(200)
  expect(hashes()).toBe(before)
  return { user, authorization }
}

const hash = async (secret: string): Promise<string> => {
  const hashed = await gateway.core.hashing.hash(Buffer.from(secret))
  if (hashed.outcome !== 'hashed') throw new Error('no hash')
  return hashed.phc
}

type Change = (database: Database, user: UserRow) => Promise<unknown>

const changes: readonly (readonly [string, string, Change])[] = [
  [
    'a new password',
    'secret-wrong',
    async (database, { id: userId }) => {
      const phc = await hash('another-secret-2')
      await transact(database, (tx) => setPassword(tx, { actor, userId, hash: phc }))
    },
  ],
  [
    'a disabled user',
    'user-disabled',
    (database, { id: userId }) =>
      transact(database, (tx) => setUserEnabled(tx, { actor, userId, enabled: false })),
  ],
  [
    'the switch of HTTP',
    'basic-not-allowed',
    (database, { id: userId }) =>
      transact(database, (tx) => setApiAccess(tx, { actor, userId, http: false, smpp: true })),
  ],
  [
    'a safelist',
    'source-not-safelisted',
    (database, { id: userId }) =>
      transact(database, (tx) =>
        replaceSafelist(tx, { actor, userId, entries: [{ range: '203.0.113.0/24' }] }),
      ),
  ],
  [
    'a role that is taken',
    'permission-missing',
    (database, { id: userId }) =>
      transact(database, (tx) => revokeRole(tx, { actor, userId, roleId: 'account-admin' })),
  ],
]

test.each(changes)('D3 the next request knows of %s: %s', async (_, reason, change) => {
  const { user, authorization } = await prime()
  await change(gateway.core.database, user)
  expect(await reasonOf(await call(authorization))).toBe(reason)
})

test.each(changes)(
  'D3 within a second it knows of %s made elsewhere: %s',
  async (_, reason, change) => {
    const { user, authorization } = await prime()
    await change(elsewhere, user)
    const changedAt = performance.now()
    let response = await call(authorization)
    while (response.status === 200) response = await call(authorization)
    expect(performance.now() - changedAt).toBeLessThan(1_000)
    expect(await reasonOf(response)).toBe(reason)
  },
)

test('D3 who is out of one cache is out of all: others with keys do not keep a user alive', async () => {
  const { database, directory } = gateway.core
  const passing: UserRow[] = []
  for (let at = 0; at < 5; at++)
    passing.push(await gateway.addUser({ username: `passing-${++users}` }))
  const { user, authorization } = await prime()
  // As API keys find their users: by id.
  for (const { id } of passing.slice(0, 4)) await directory.findById(id)
  for (const { id } of passing.slice(0, 3)) await directory.findById(id)
  await directory.findById(passing[4]?.id ?? '')
  await transact(database, (tx) => setUserEnabled(tx, { actor, userId: user.id, enabled: false }))
  expect(await reasonOf(await call(authorization))).toBe('user-disabled')
})

test('D3 a new password opens, and the old one no longer does', async () => {
  const { user, authorization } = await prime()
  const phc = await hash('another-secret-2')
  await transact(gateway.core.database, (tx) =>
    setPassword(tx, { actor, userId: user.id, hash: phc }),
  )
  expect((await call(basic(user.username, 'another-secret-2'))).status).toBe(200)
  expect((await call(authorization)).status).toBe(401)
})

test('D3 a role that is made narrower is narrower for everyone at the next request', async () => {
  const { database } = gateway.core
  const user = await gateway.addUser({ username: 'narrowed', password })
  const roleId = database.newId()
  const at = now()
  await transact(database, async (tx) => {
    await tx.queries.insert(roles).values({
      ...{ id: roleId, accountId: user.accountId, name: 'Sender', nameKey: 'sender' },
      ...{ permissions: ['sms/send'], createdAt: at, updatedAt: at },
    })
    await grantRole(tx, { actor, userId: user.id, roleId })
  })
  const authorization = basic('narrowed', password)
  expect((await call(authorization)).status).toBe(200)
  await transact(database, async (tx) => {
    await tx.queries.update(roles).set({ permissions: ['sms/read'] })
    await appendChange(tx, { accountId: user.accountId, kind: 'role' })
  })
  const refused = await call(authorization)
  expect(refused.status).toBe(403)
  expect(await reasonOf(refused)).toBe('permission-missing')
  expect((await call(authorization, '/other')).status).toBe(200)
})

/** An API key of a new user, in the caches. */
const primeKey = async (): Promise<{ user: UserRow; id: string; authorization: string }> => {
  const { user } = await prime()
  const token = createToken(random)
  const digest = digestToken(token)
  const key = await transact(gateway.core.database, (tx) =>
    createApiKey(tx, { actor, userId: user.id, name: 'key', digest }),
  )
  if (!('id' in key)) throw new Error('no key')
  const authorization = `App ${token}`
  expect((await call(authorization)).status).toBe(200)
  return { user, id: key.id, authorization }
}

test.each([
  [
    'a key that is disabled',
    'key-disabled',
    (database: Database, id: string) =>
      transact(database, (tx) => setApiKeyEnabled(tx, { actor, id, enabled: false })),
  ],
  [
    'a key that is replaced',
    'user-unknown',
    (database: Database, id: string) =>
      transact(database, (tx) =>
        rotateApiKey(tx, { actor, id, digest: digestToken(createToken(random)), overlapMs: 0 }),
      ),
  ],
])('D3 the next request knows of %s: %s', async (_, reason, change) => {
  const { id, authorization } = await primeKey()
  await change(gateway.core.database, id)
  expect(await reasonOf(await call(authorization))).toBe(reason)
})

test('D3 the key of a user who was disabled is refused at the next request', async () => {
  const { user, authorization } = await primeKey()
  const change = { actor, userId: user.id, enabled: false }
  await transact(gateway.core.database, (tx) => setUserEnabled(tx, change))
  expect(await reasonOf(await call(authorization))).toBe('user-disabled')
})
