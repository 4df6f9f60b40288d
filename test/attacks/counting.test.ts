import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { findRefusal } from '../../db/refusals.ts'
import type { Core } from '../../gateway/core.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { countHashes, passwordAttempt, userKeyOf, wordOf } from '../support/attempts.ts'
import { basic, startGateway, type TestGateway } from '../support/gateway.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'
import { sqliteOf } from '../support/database.ts'

let upstream: TestUpstream
let gateway: TestGateway
let core: Core
let user: UserRow
let hashes: () => number
let users = 0

const right = 'the-right-secret'

beforeAll(async () => {
  upstream = await startUpstream()
  gateway = await startGateway({
    env: { HTTP_UPSTREAM: upstream.url },
    file: { limits: { floorMs: 0 } },
  })
  core = gateway.core
})
beforeEach(async () => {
  user = await gateway.addUser({ username: `user-${++users}`, password: right })
  const before = countHashes(core)
  hashes = before.hashes
})
afterAll(async () => {
  await gateway.stop()
  await upstream.stop()
})

const call = (password: string): Promise<Response> =>
  fetch(gateway.url, { headers: { authorization: basic(user.username, password) } })

const decide = async (password: string, from?: string): Promise<string> =>
  wordOf(await core.authorize(passwordAttempt(user.username, password, from)))

const failures = async (): Promise<readonly number[]> =>
  (await core.attempts.state(userKeyOf(core, user.id))).map((bucket) => bucket.failures)

const reasonOf = async (response: Response): Promise<string | null | undefined> => {
  await core.refusals.flush()
  const id = response.headers.get('x-sallyport-decision') ?? ''
  return (await findRefusal(core.database, id))?.event.reason
}

test('B1 of 200 wrong passwords at once five are verified, and the right one among them is refused', async () => {
  const passwords = Array.from({ length: 200 }, (_, at) => (at === 100 ? right : `wrong ${at}`))
  const answers = await Promise.all(passwords.map(call))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401]))
  expect(hashes()).toBe(5)
  expect(await failures()).toEqual([5])
  expect(await reasonOf(await call(right))).toBe('user-locked')
  expect(hashes()).toBe(5)
})

test('B1 spread over the channels they are still five', async () => {
  const channels = ['http', 'smpp', 'web'] as const
  const attempts = Array.from({ length: 200 }, (_, at) =>
    passwordAttempt(user.username, `wrong ${at}`, '198.51.100.7', channels[at % 3]),
  )
  const words = await Promise.all(attempts.map(async (it) => wordOf(await core.authorize(it))))
  expect(words.filter((word) => word === 'secret-wrong')).toHaveLength(5)
  expect(hashes()).toBe(5)
  expect(await failures()).toEqual([5])
})

test('B1 a wrong password costs the same count from wherever a stranger comes', async () => {
  const words = await Promise.all(
    Array.from({ length: 200 }, (_, at) => decide(`wrong ${at}`, `198.51.100.${at + 1}`)),
  )
  expect(words).not.toContain('permit')
  expect(hashes()).toBe(5)
})

test('B6 one wrong password through each channel is one count of that many', async () => {
  for (const [at, channel] of (['http', 'smpp', 'web'] as const).entries())
    await core.authorize(passwordAttempt(user.username, `wrong ${at}`, '198.51.100.7', channel))
  expect(await failures()).toEqual([3])
})

test('B8 of 200 right requests at once all are permitted, for a hash or two, and nothing locks', async () => {
  const answers = await Promise.all(Array.from({ length: 200 }, () => call(right)))
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(hashes()).toBeLessThanOrEqual(2)
  expect(await failures()).toEqual([])
})

test('B12 the same wrong password a thousand times is one count and one hash', async () => {
  for (let at = 0; at < 500; at++) expect(await decide('the old one')).toBe('secret-wrong')
  const atOnce = await Promise.all(Array.from({ length: 500 }, () => decide('the old one')))
  expect(new Set(atOnce)).toEqual(new Set(['secret-wrong']))
  expect(hashes()).toBe(1)
  expect(await failures()).toEqual([1])
  expect(await decide(right)).toBe('permit')
})

/** Puts a fault in the place of a function; returns what puts the function back. */
const breakOne = <T extends object>(of: T, name: keyof T, fault: () => unknown): (() => void) => {
  const whole = of[name]
  Object.assign(of, { [name]: fault })
  return () => {
    Object.assign(of, { [name]: whole })
  }
}

const timesOut = () => Promise.reject(new Error('timed out'))
const throws = () => {
  throw new Error('broken')
}

test.each([
  ['the database', 'unavailable', () => breakOne(core.database, 'prepared', throws)],
  ['the pool, which breaks', 'unavailable', () => breakOne(core.hashing, 'verify', timesOut)],
  [
    'the pool, which is full',
    'overloaded',
    () => breakOne(core.hashing, 'verify', async () => 'overloaded'),
  ],
  ['the counters, before', 'unavailable', () => breakOne(core.attempts, 'reserve', timesOut)],
])('B9 a fault of %s counts nothing: %s', async (_, reason, broken) => {
  const mend = broken()
  for (let at = 0; at < 20; at++) expect(await decide(`wrong ${at}`)).toBe(reason)
  const response = await call(right)
  mend()
  expect(response.status).toBe(503)
  expect(await reasonOf(response)).toBe(reason)
  expect(await failures()).toEqual([])
  expect(core.attempts.sourceBlockedUntil('198.51.100.7')).toBeUndefined()
  expect(await decide(right)).toBe('permit')
})

test('B9 a fault of the counters after a right password permits nothing and counts nothing', async () => {
  const mend = breakOne(core.attempts, 'succeed', timesOut)
  expect(await decide(right)).toBe('unavailable')
  mend()
  expect(await failures()).toEqual([])
  expect(await decide(right)).toBe('permit')
})

test('a stored hash that is damaged is a fault of ours and counts nothing', async () => {
  const damaged = await gateway.addUser({ username: `user-${++users}`, password: right })
  sqliteOf(core.database)
    .connections.writer.prepare("update users set password_hash = '$argon2id$broken' where id = ?")
    .run(damaged.id)
  user = damaged
  for (let at = 0; at < 10; at++) expect(await decide(`wrong ${at}`)).toBe('unavailable')
  expect(await failures()).toEqual([])
})

test.each([
  ['a disabled user', { enabled: false }, 'user-disabled'],
  [
    'a user of another address',
    { safelist: [{ range: '203.0.113.0/24' }] },
    'source-not-safelisted',
  ],
  [
    'a user without basic credentials',
    { apiAccess: { http: false, smpp: false } },
    'basic-not-allowed',
  ],
])('%s is refused without a hash and without a count', async (_, change, reason) => {
  user = await gateway.addUser({ username: `user-${++users}`, password: right, ...change })
  for (let at = 0; at < 10; at++) expect(await decide(`wrong ${at}`)).toBe(reason)
  expect(await decide(right)).toBe(reason)
  expect(hashes()).toBe(0)
  expect(await failures()).toEqual([])
})
