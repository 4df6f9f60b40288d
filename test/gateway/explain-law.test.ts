import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { recordLock } from '../../db/locks.ts'
import { createExplain } from '../../gateway/explain.ts'
import { parseAddress } from '../../policies/address.ts'
import type { Channel } from '../../policies/facts.ts'
import type { Explain } from '../../policies/imagined.ts'
import { passwordAttempt, wordOf } from '../support/attempts.ts'
import { startGateway, type TestGateway, type TestUser } from '../support/gateway.ts'

const password = 'the-right-secret'

/** Every combination of what stands of a user in the directory. */
const users: readonly TestUser[] = [true, false].flatMap((enabled) =>
  [undefined, '198.51.100.0/24', '2001:db8::/32'].flatMap((range) =>
    [true, false].flatMap((http) =>
      [true, false].flatMap((smpp) =>
        [[], ['account-admin']].map((roles, at) => ({
          username: `u-${enabled}-${range?.slice(0, 3) ?? 'any'}-${http}-${smpp}-${at}`,
          ...{ password, enabled, roles, apiAccess: { http, smpp } },
          ...(range === undefined ? {} : { safelist: [{ range }] }),
        })),
      ),
    ),
  ),
)

const routes = [undefined, {}, { permission: 'sms/send' }, { permission: 'safelist/manage' }]
const places = ['198.51.100.7', '::ffff:198.51.100.8', '203.0.113.9', '2001:db8::1', '2001:db9::1']

let gateway: TestGateway
let explain: Explain

beforeAll(async () => {
  gateway = await startGateway({
    env: { HTTP_UPSTREAM: 'http://127.0.0.1:9' },
    file: { sourceBudget: { limit: 1_000_000 } },
  })
  const { core } = gateway
  for (const user of users) await gateway.addUser(user)
  const locked = await core.directory.find(users[0]?.username ?? '')
  const now = Date.now()
  const lock = {
    ...{ bucket: 'unknown', lockedAt: now, lockedUntil: now + 9e6, locks: 1, consecutive: 5 },
    ...{ channels: ['http' as const], sources: ['198.51.100.7'] },
  }
  await transact(core.database, (tx) => recordLock(tx, { userId: locked?.user.id ?? '', lock }))
  explain = createExplain({ ...core, matchRoute: () => undefined, now: core.system.now })
}, 120_000)
afterAll(() => gateway.stop())

const attempt = fc.record({
  username: fc.constantFrom(...users.map(({ username }) => username), 'nobody'),
  source: fc.constantFrom(...places),
  channel: fc.constantFrom<Channel>('http', 'smpp', 'web'),
  route: fc.constantFrom(...routes),
})

test('of whatever attempt, explain says what authorize then does', async () => {
  const { core } = gateway
  const seen = new Map<string, number>()
  await fc.assert(
    fc.asyncProperty(attempt, async ({ username, source, channel, route }) => {
      // What the door knows of a route goes to both; undefined is a path of none.
      const known = route ?? { permission: undefined, isNone: true }
      const imagined = { username, channel, credential: 'password' as const }
      const explained = await explain({
        ...imagined,
        source: parseAddress(source),
        ...('isNone' in known ? { path: '/none', channel } : { route: known }),
      })
      const isRouted = channel === 'http' || route !== undefined
      const decided = await core.authorize({
        ...passwordAttempt(username, password, source, channel),
        route: isRouted ? route : {},
      })
      const word = wordOf(decided)
      seen.set(word, (seen.get(word) ?? 0) + 1)
      expect(explained.reason ?? explained.effect).toBe(word)
      const first = explained.rules.find(({ outcome }) => outcome !== 'passed')
      expect(first?.because ?? 'permit').toBe(word)
    }),
    { numRuns: 50_000 },
  )
  expect([...seen.keys()]).toEqual(
    expect.arrayContaining([
      ...['permit', 'user-unknown', 'user-disabled', 'source-not-safelisted', 'user-locked'],
      ...['basic-not-allowed', 'permission-missing', 'route-unknown'],
    ]),
  )
}, 120_000)
