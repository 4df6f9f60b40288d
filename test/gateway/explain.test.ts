import { afterAll, beforeAll, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { recordLock } from '../../db/locks.ts'
import { findRefusal } from '../../db/refusals.ts'
import { createExplain } from '../../gateway/explain.ts'
import { createMatchRoute, type Route } from '../../gateway/http/routes.ts'
import {
  imaginedOf,
  readImagined,
  type Explain,
  type WrittenAttempt,
} from '../../policies/imagined.ts'
import { passwordAttempt, userKeyOf, wordOf } from '../support/attempts.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'

const password = 'the-right-secret'
const here = '198.51.100.7'

let gateway: TestGateway
let explain: Explain

const route = (path: string, permission?: string): Route => ({
  path,
  upstreams: [],
  stripPath: false,
  forwardAuthorization: false,
  ...(permission === undefined ? {} : { permission }),
})

beforeAll(async () => {
  gateway = await startGateway({
    env: { HTTP_UPSTREAM: 'http://127.0.0.1:9' },
    users: [
      { username: 'alice', password },
      { username: 'bob', password, safelist: [{ range: '203.0.113.0/24' }] },
      { username: 'carol', password, apiAccess: { http: false, smpp: true } },
      { username: 'dave', password, enabled: false },
      { username: 'erin', password, roles: ['account-admin'] },
      { username: 'frank', password },
    ],
  })
  const { core } = gateway
  const frank = await core.directory.find('frank')
  const now = Date.now()
  const lock = {
    ...{ bucket: 'unknown', lockedAt: now, lockedUntil: now + 900_000, locks: 1, consecutive: 5 },
    ...{ channels: ['http' as const], sources: [here] },
  }
  await transact(core.database, (tx) => recordLock(tx, { userId: frank?.user.id ?? '', lock }))
  explain = createExplain({
    directory: core.directory,
    attempts: core.attempts,
    matchRoute: createMatchRoute([route('/sms', 'sms/send'), route('/free')]),
    now: core.system.now,
  })
})
afterAll(() => gateway.stop())

const written = (more: Partial<WrittenAttempt>): WrittenAttempt => ({
  ...{ channel: 'http', username: 'alice', credential: 'password', source: here, path: '/free' },
  ...more,
})

const explainWritten = async (more: Partial<WrittenAttempt>) => {
  const read = readImagined(written(more))
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  return explain(read.imagined)
}

test.each([
  ['a right password', {}, 'permit', null],
  ['another spelling of the name', { username: 'ALICE' }, 'permit', null],
  ['a name that is no user', { username: 'nobody' }, 'refuse', 'user-unknown'],
  ['an address outside the safelist', { username: 'bob' }, 'refuse', 'source-not-safelisted'],
  ['an address inside it', { username: 'bob', source: '203.0.113.9' }, 'permit', null],
  ['the switch of HTTP', { username: 'carol' }, 'refuse', 'basic-not-allowed'],
  ['a key past the switch', { username: 'carol', credential: 'api-key' }, 'permit', null],
  ['SMPP beside the switch of HTTP', { username: 'carol', channel: 'smpp' }, 'permit', null],
  ['a sign-in beside both switches', { username: 'carol', channel: 'web' }, 'permit', null],
  ['a disabled user', { username: 'dave' }, 'refuse', 'user-disabled'],
  ['a locked user', { username: 'frank' }, 'refuse', 'user-locked'],
  ['a key of a locked user', { username: 'frank', credential: 'api-key' }, 'permit', null],
  ['a permission that is missing', { path: '/sms/3' }, 'refuse', 'permission-missing'],
  ['a permission that is held', { username: 'erin', path: '/sms/3' }, 'permit', null],
  ['a path of no route', { path: '/other' }, 'refuse', 'route-unknown'],
  ['no path', { path: undefined }, 'permit', null],
  ['a path with two readings', { path: '/free/../sms' }, 'refuse', 'request-malformed'],
  ['a method that is none', { method: 'TRACE' }, 'refuse', 'method-not-allowed'],
] as const)('%s', async (_, more, effect, reason) => {
  const explanation = await explainWritten(more)
  expect(explanation).toMatchObject({ effect, reason })
  const objecting = explanation.rules.find(({ outcome }) => outcome !== 'passed')
  expect(objecting?.because ?? null).toBe(reason)
})

test.each(['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'nobody'])(
  'of %s it says what authorize does',
  async (username) => {
    for (const source of [here, '203.0.113.9', '2001:db8::1'])
      for (const channel of ['http', 'smpp', 'web'] as const) {
        const explained = await explainWritten({ username, source, channel, path: undefined })
        const attempt = passwordAttempt(username, password, source, channel)
        const decided = wordOf(await gateway.core.authorize(attempt))
        expect(explained.reason ?? 'permit').toBe(decided)
      }
  },
)

test('it counts nothing, tries nothing and writes nothing', async () => {
  const { core } = gateway
  await core.refusals.flush()
  const pending = core.refusals.pending()
  for (let at = 0; at < 20; at++) await explainWritten({ username: 'alice', source: '192.0.2.1' })
  const alice = await core.directory.find('alice')
  expect(await core.attempts.state(userKeyOf(core, alice?.user.id ?? ''))).toEqual([])
  expect(core.refusals.pending()).toBe(pending)
  expect(alice?.knownSources.has('192.0.2.1')).toBe(false)
})

test.each([
  ['secret-wrong', passwordAttempt('alice', 'wrong', '192.0.2.77')],
  ['user-disabled', passwordAttempt('dave', password)],
  ['user-unknown', passwordAttempt('nobody', password)],
  ['source-not-safelisted', passwordAttempt('bob', password)],
  ['request-malformed', { ...passwordAttempt('alice', password), fault: 'request-malformed' }],
  ['credential-absent', { ...passwordAttempt('alice', ''), credential: { kind: 'absent' } }],
  ['route-unknown', { ...passwordAttempt('alice', password), route: undefined, target: 'GET /x' }],
] as const)('a refusal is found by its id and explained anew: %s', async (reason, attempt) => {
  const { core } = gateway
  const { id } = await core.authorize(attempt)
  await core.refusals.flush()
  const found = await findRefusal(core.database, id)
  expect(found?.event.reason).toBe(reason)
  expect(found && (await explain(imaginedOf(found.event)))).toMatchObject({
    effect: 'refuse',
    reason,
  })
})

test.each(['key-disabled', 'key-expired', 'key-source-not-allowed'] as const)(
  'what a key would be told now is not known: %s',
  async (reason) => {
    const { core } = gateway
    const alice = await core.directory.find('alice')
    const credential = { kind: 'api-key', token: 'of alice' } as const
    const attempt = { ...passwordAttempt('alice', ''), credential }
    const id = core.recorder.recordFailure(attempt, alice?.user, reason)
    await core.refusals.flush()
    const found = await findRefusal(core.database, id)
    const explanation = found && (await explain(imaginedOf(found.event)))
    expect(explanation).toMatchObject({ effect: 'unknown', reason: null })
    const unknown = explanation?.rules.filter(({ outcome }) => outcome === 'unknown')
    expect(unknown?.map(({ rule }) => rule)).toEqual([
      ...['keyIsEnabled', 'keyIsInItsWindow', 'keyAllowsTheSource'],
    ])
  },
)

test('all faults of an imagined attempt are named at once', () => {
  expect(
    readImagined(written({ channel: 'ftp', credential: 'guess', source: '010.0.0.1' })),
  ).toMatchObject({ faults: [{ path: 'channel' }, { path: 'credential' }, { path: 'source' }] })
  expect(readImagined(written({ channel: 'smpp', credential: 'session' }))).toMatchObject({
    faults: [{ path: 'credential' }],
  })
})
