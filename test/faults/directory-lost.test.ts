import { afterAll, expect, onTestFinished, test } from 'vitest'
import { setUserEnabled } from '../../db/users.ts'
import { systemActor as actor } from '../../db/record.ts'
import { transact } from '../../db/database.ts'
import { countHashes } from '../support/attempts.ts'
import { createShiftedClock } from '../support/clock.ts'
import { basic, startGateway } from '../support/gateway.ts'
import { dropPostgres, emptyPostgres, postgresServer } from '../support/postgres.ts'
import { startFaultProxy } from '../support/tcp-fault-proxy.ts'
import { startUpstream } from '../support/upstream.ts'

const password = 'the-right-secret'
const minute = 60_000
const patient = { timeout: 20_000, interval: 50 }

afterAll(dropPostgres, 60_000)

const isThere = (await postgresServer()) !== undefined

/** Longer than a verified credential is remembered, so that it is verified anew by what is known. */
test.skipIf(!isThere)('the directory is lost for ten minutes: who is known goes on', async () => {
  const upstream = await startUpstream()
  onTestFinished(upstream.stop)
  const url = new URL(await emptyPostgres())
  const proxy = await startFaultProxy(Number(url.port || 5432))
  onTestFinished(proxy.stop)
  url.host = `127.0.0.1:${proxy.port}`
  const clock = createShiftedClock()
  const gateway = await startGateway({
    env: { DATABASE_URL: url.href, HTTP_UPSTREAM: upstream.url },
    file: { limits: { floorMs: 0 } },
    system: clock,
    users: [
      { username: 'alice', password },
      { username: 'bob', password },
    ],
  })
  onTestFinished(gateway.stop)
  const { core } = gateway
  const { hashes } = countHashes(core)
  const statusOf = async (username: string, secret = password): Promise<number> => {
    const headers = { authorization: basic(username, secret) }
    return (await fetch(gateway.url, { headers })).status
  }
  const policyAge = async (): Promise<number> => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text()
    return Number(/^sallyport_policy_age_seconds (\S+)$/m.exec(text)?.[1])
  }
  const alice = (await core.directory.find('alice'))?.user.id ?? ''
  const disable = () =>
    transact(core.database, (tx) => setUserEnabled(tx, { actor, userId: alice, enabled: false }))
  expect(await statusOf('alice')).toBe(200)

  proxy.set({ kind: 'reset' })
  for (let passed = 0; passed < 10; passed++) {
    clock.pass(minute)
    expect(await statusOf('alice')).toBe(200)
  }
  // At first, and after each five minutes.
  expect(hashes()).toBe(3)
  expect(await statusOf('alice', 'wrong')).toBe(401)
  expect(await statusOf('bob')).toBe(503)
  await expect(disable()).rejects.toThrow()
  expect(await policyAge()).toBeGreaterThan(600)

  proxy.set({ kind: 'none' })
  await expect.poll(() => statusOf('bob'), patient).toBe(200)
  await expect.poll(policyAge, patient).toBeLessThan(60)
  await disable()
  await expect.poll(() => statusOf('alice'), patient).toBe(401)
})
