import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, onTestFinished, test } from 'vitest'
import { findEventsAfter } from '../../db/events.ts'
import { countHashes, passwordAttempt, userKeyOf, wordOf } from '../support/attempts.ts'
import { createShiftedClock } from '../support/clock.ts'
import { basic, startGateway, type TestGateway, type TestOptions } from '../support/gateway.ts'
import { startUpstream } from '../support/upstream.ts'

const right = 'the-right-secret'

const open = async (options: TestOptions): Promise<TestGateway> => {
  const upstream = await startUpstream()
  const gateway = await startGateway({
    ...options,
    env: { HTTP_UPSTREAM: upstream.url, TRUSTED_PROXIES: '127.0.0.0/8' },
    users: [
      { username: 'alice', password: right },
      { username: 'mallory', password: right },
    ],
  })
  onTestFinished(async () => {
    await gateway.stop()
    await upstream.stop()
  })
  return gateway
}

const decide = async (gateway: TestGateway, name: string, password: string, from: string) =>
  wordOf(await gateway.core.authorize(passwordAttempt(name, password, from)))

test('B5 an attacker who succeeds between guesses uses up the budget of the source all the same', async () => {
  const gateway = await open({ file: { sourceBudget: { limit: 20 } } })
  const from = '198.51.100.7'
  const words: string[] = []
  for (let at = 0; at < 20; at++) {
    words.push(await decide(gateway, `victim-${at}`, 'guess', from))
    if (at < 19) expect(await decide(gateway, 'mallory', right, from)).toBe('permit')
  }
  expect(new Set(words)).toEqual(new Set(['user-unknown']))
  expect(await decide(gateway, 'alice', 'guess', from)).toBe('source-over-budget')
  expect(await decide(gateway, 'mallory', right, from)).toBe('source-over-budget')
  expect(await decide(gateway, 'alice', right, '198.51.100.8')).toBe('permit')
})

test('a source over its budget is told when to come again, costs no hash and counts on no user', async () => {
  const clock = createShiftedClock()
  const gateway = await open({
    file: { sourceBudget: { limit: 10, windowSeconds: 60 }, limits: { floorMs: 0 } },
    system: clock,
  })
  const call = (password: string, from = '2001:db8:0:1::7'): Promise<Response> =>
    fetch(gateway.url, {
      headers: { authorization: basic('alice', password), 'x-forwarded-for': from },
    })
  for (let at = 0; at < 10; at++) expect((await call('the same')).status).toBe(401)
  const { hashes } = countHashes(gateway.core)
  // Another address of the same /64 is the same source.
  const refused = await call(right, '2001:db8:0:1:ffff::1')
  expect(refused.status).toBe(429)
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
  expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60)
  for (let at = 0; at < 20; at++) expect((await call(`guess ${at}`)).status).toBe(429)
  expect(hashes()).toBe(0)
  expect((await call(right, '2001:db8:0:2::7')).status).toBe(200)
  // The window opened with the first refusal, and refusals over the budget do not extend it.
  clock.pass(60_000)
  expect((await call(right)).status).toBe(200)
})

const collectGarbage = (): void => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
}

const heapUsed = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

test('B11 twenty thousand random names from one /64 use bounded memory and let no lock go', async () => {
  const gateway = await open({ file: { sourceBudget: { limit: 1_000_000_000 } } })
  const { core } = gateway
  const stranger = '2001:db8:0:1::1'
  for (let at = 0; at < 5; at++) await decide(gateway, 'alice', `guess ${at}`, stranger)
  for (let at = 0; at < 4; at++) await decide(gateway, 'mallory', `guess ${at}`, stranger)
  const flood = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at++) {
      const source = `2001:db8:0:1::${(at % 65_535).toString(16)}`
      expect(await decide(gateway, `name-${at}-${(at * 7919) % 104_729}`, 'guess', source)).toBe(
        'user-unknown',
      )
    }
  }
  await flood(0, 5_000)
  await core.refusals.flush()
  const before = heapUsed()
  await flood(5_000, 20_000)
  await core.refusals.flush()
  expect(heapUsed() - before).toBeLessThan(24 * 1_024 * 1_024)
  expect(core.directory.size()).toBeLessThanOrEqual(2)
  expect(await decide(gateway, 'alice', right, stranger)).toBe('user-locked')
  const mallory = await core.directory.find('mallory')
  expect(await core.attempts.state(userKeyOf(core, mallory?.user.id ?? ''))).toMatchObject([
    { failures: 4 },
  ])
  // The audit tells of each refusal, in rows that are bounded too.
  const rows = await findEventsAfter(core.database, 0, 50_000)
  expect(rows.length).toBeLessThan(1_000)
})

test('B11 with its budget a /64 is cut off, and the rest of the world is served', async () => {
  const gateway = await open({ file: { sourceBudget: { limit: 500 } } })
  const words = new Map<string, number>()
  for (let at = 0; at < 2_000; at++) {
    const word = await decide(gateway, `name-${at}`, 'guess', `2001:db8:0:1::${at.toString(16)}`)
    words.set(word, (words.get(word) ?? 0) + 1)
  }
  expect(Object.fromEntries(words)).toEqual({ 'user-unknown': 500, 'source-over-budget': 1_500 })
  expect(await decide(gateway, 'alice', right, '2001:db8:0:2::1')).toBe('permit')
})
