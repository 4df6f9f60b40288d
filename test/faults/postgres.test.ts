import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { verifyEvents } from '../../db/chain-verification.ts'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor as actor } from '../../db/record.ts'
import { findSources } from '../../db/source-rows.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setUserEnabled } from '../../db/users.ts'
import { basic, startGateway, type TestGateway } from '../support/gateway.ts'
import { dropPostgres, emptyPostgres, postgresServer } from '../support/postgres.ts'
import { startFaultProxy, type Fault, type FaultProxy } from '../support/tcp-fault-proxy.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'

const password = 'the-right-secret'
const patient = { timeout: 20_000, interval: 50 }

const isThere = (await postgresServer()) !== undefined

let upstream: TestUpstream
beforeAll(async () => {
  upstream = await startUpstream()
})
afterAll(async () => {
  await upstream.stop()
  await dropPostgres()
}, 60_000)

let proxy: FaultProxy
let env: Readonly<Record<string, string>>
let gateway: TestGateway
let alice: UserRow
beforeEach(async () => {
  if (!isThere) return
  const url = new URL(await emptyPostgres())
  proxy = await startFaultProxy(Number(url.port || 5432))
  url.host = `127.0.0.1:${proxy.port}`
  env = { DATABASE_URL: url.href, HTTP_UPSTREAM: upstream.url }
  gateway = await startGateway({ env })
  alice = await gateway.addUser({ username: 'alice', password })
  await gateway.addUser({ username: 'bob', password })
})
afterEach(async () => {
  if (!isThere) return
  proxy.set({ kind: 'none' })
  await gateway.stop()
  await proxy.stop()
})

const statusOf = async (username: string, secret = password, at = gateway): Promise<number> => {
  const headers = { authorization: basic(username, secret) }
  return (await fetch(`${at.url}/sms`, { headers })).status
}

const metric = async (name: string): Promise<number> => {
  const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
}

const readiness = async (): Promise<unknown> => (await fetch(`${gateway.adminUrl}/readyz`)).json()

const disable = (userId: string): Promise<unknown> =>
  transact(gateway.core.database, (tx) => setUserEnabled(tx, { actor, userId, enabled: false }))

const faults: readonly (readonly [string, Fault])[] = [
  ['refuses every connection', { kind: 'reset' }],
  ['says nothing', { kind: 'blackhole' }],
]

describe.skipIf(!isThere)('the directory is lost', () => {
  test.each(faults)('when its server %s: who is known goes on', async (_, fault) => {
    expect(await statusOf('alice')).toBe(200)
    proxy.set(fault)
    for (let request = 0; request < 20; request++) expect(await statusOf('alice')).toBe(200)
    expect(await statusOf('alice', 'wrong')).toBe(401)
    expect(await statusOf('bob')).toBe(503)
    await expect(disable(alice.id)).rejects.toThrow()
    await vi.waitFor(async () => {
      expect(await metric('sallyport_policy_age_seconds')).toBeGreaterThan(2)
    }, patient)
    expect(await readiness()).toMatchObject({ missing: { database: 'failed' } })
    expect(await statusOf('alice')).toBe(200)
  })

  test.each(faults)('when its server %s, and found without a restart', async (_, fault) => {
    const { database, refusals, sources } = gateway.core
    expect(await statusOf('alice')).toBe(200)
    proxy.set(fault)
    for (let request = 0; request < 5; request++) expect(await statusOf('alice')).toBe(200)
    expect(await statusOf('alice', 'wrong')).toBe(401)
    expect(await statusOf('bob')).toBe(503)
    expect(refusals.pending()).toBeGreaterThan(0)
    proxy.set({ kind: 'none' })

    await vi.waitFor(async () => {
      expect(await statusOf('bob')).toBe(200)
    }, patient)
    await vi.waitFor(async () => {
      expect(await readiness()).toEqual({ status: 'ok' })
      expect(await metric('sallyport_policy_age_seconds')).toBeLessThan(2)
    }, patient)
    await vi.waitFor(async () => {
      await refusals.flush()
      await sources.flush()
      expect(refusals.pending()).toBe(0)
    }, patient)
    const reasons = (await findEventsAfter(database, 0, 100)).map(({ reason }) => reason)
    expect(reasons).toEqual(expect.arrayContaining(['secret-wrong', 'unavailable']))
    expect(await findSources(database, alice.id)).toMatchObject([
      { outcome: 'refused', reason: 'secret-wrong' },
      { outcome: 'permitted', count: 6 },
    ])
    expect(await verifyEvents(database)).toMatchObject({ ok: true })
    await disable(alice.id)
    expect(await statusOf('alice')).toBe(401)
  })
})

test.skipIf(!isThere)('what is changed on one node is in force on the other (D3)', async () => {
  const other = await startGateway({ env })
  try {
    expect(await statusOf('alice', password, other)).toBe(200)
    await disable(alice.id)
    await vi.waitFor(async () => {
      expect(await statusOf('alice', password, other)).toBe(401)
    }, patient)
    expect(await statusOf('bob', password, other)).toBe(200)
  } finally {
    await other.stop()
  }
})

test.skipIf(!isThere)('nodes with data folders of their own sign with one key', async () => {
  const file = { assertion: { enabled: true } }
  const nodes = await Promise.all([startGateway({ env, file }), startGateway({ env, file })])
  try {
    const keys = nodes.map(async ({ url }): Promise<unknown> => {
      const response = await fetch(`${url}/.well-known/jwks.json`)
      return response.json()
    })
    const [one, other] = await Promise.all(keys)
    expect(one).toEqual({ keys: [expect.objectContaining({ crv: 'P-256' })] })
    expect(other).toEqual(one)
  } finally {
    for (const node of nodes) await node.stop()
  }
})
