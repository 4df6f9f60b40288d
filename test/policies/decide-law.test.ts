import fc from 'fast-check'
import { expect, test } from 'vitest'
import { address } from '../../policies/address.ts'
import { decide, explain, screen } from '../../policies/decide.ts'
import type { CredentialKind, Facts, KeyFacts, SessionFacts, User } from '../../policies/facts.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import { readingOf, type Reason } from '../../policies/reasons.ts'
import { proving, screening } from '../../policies/rules.ts'
import { closedSafelist, openSafelist } from '../../policies/safelist.ts'
import { acme, key, listOf, now, request, session } from './facts.ts'

const time = fc.oneof(
  { weight: 3, arbitrary: fc.constant(undefined) },
  { weight: 3, arbitrary: fc.constantFrom(now - 1, now, now + 1) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, 0, -1) },
)
const client = fc.constantFrom(
  ...['192.0.2.7', '192.0.2.8', '::ffff:192.0.2.7', '2001:db8::1', '203.0.113.1'].map(address),
)
const safelist = fc.constantFrom(openSafelist, closedSafelist, acme.safelist, listOf('192.0.2.7'))
const permissions = fc.constantFrom(...[[], ['sms/send'], ['sms/*'], ['*']].map(compilePermissions))
const mostly = <T>(usual: T, other: fc.Arbitrary<T>): fc.Arbitrary<T> =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other })

const user: fc.Arbitrary<User> = fc
  .record({
    enabled: mostly(true, fc.boolean()),
    safelist: mostly(openSafelist, safelist),
    apiAccess: fc.record({ http: mostly(true, fc.boolean()), smpp: mostly(true, fc.boolean()) }),
    permissions,
  })
  .map((changed) => ({ ...acme, ...changed }))

/** Any facts whatever, likely ones more often, so that every rule has its say. */
const facts: fc.Arbitrary<Facts> = fc.record({
  now: mostly(now, fc.constantFrom(0, -1, NaN, Infinity)),
  channel: fc.constantFrom<Facts['channel']>('http', 'smpp', 'web'),
  fault: mostly<Facts['fault']>(
    undefined,
    fc.constantFrom(
      'request-malformed',
      'method-not-allowed',
      'request-timeout',
      'content-too-large',
    ),
  ),
  client: mostly<Facts['client']>(address('192.0.2.7'), fc.option(client, { nil: undefined })),
  sourceBlockedUntil: mostly(undefined, time),
  credential: mostly<CredentialKind>(
    'password',
    fc.constantFrom('api-key', 'session', 'bearer', 'absent', 'malformed', 'ambiguous'),
  ),
  user: mostly<User | undefined>(acme, fc.option(user, { nil: undefined })),
  lockedUntil: mostly(undefined, time),
  secret: fc.constantFrom<Facts['secret']>('untried', 'right', 'right', 'right', 'wrong'),
  key: fc.option(
    fc.record({
      enabled: mostly(true, fc.boolean()),
      notBefore: time,
      expiresAt: time,
      safelist,
      permissions: fc.option(permissions, { nil: undefined }),
    }),
    { nil: undefined },
  ),
  session: fc.option(
    fc.record({ ended: fc.boolean(), boundTo: fc.option(client, { nil: undefined }) }),
    { nil: undefined },
  ),
  route: fc.constantFrom<Facts['route']>({}, { permission: 'sms/send' }, undefined),
  secondFactor: fc.constantFrom<Facts['secondFactor']>('not-needed', 'owed', 'passed'),
})

const runs = { numRuns: 50_000 }

test('explain agrees with decide: the first rule that does not pass is the verdict', () => {
  fc.assert(
    fc.property(facts, (some) => {
      const { verdict, answers } = explain(some)
      expect(verdict).toEqual(decide(some))
      const first = answers.find(({ outcome }) => outcome !== 'passed')
      expect(first?.outcome ?? 'permit').toBe(verdict.effect)
      expect(first?.because).toBe('reason' in verdict ? verdict.reason : undefined)
    }),
    runs,
  )
})

test('decide is total and pure, and every refusal has a reading', () => {
  fc.assert(
    fc.property(facts, (some) => {
      const before = structuredClone(some)
      const verdict = decide(some)
      expect(some).toEqual(before)
      expect(decide(some)).toEqual(verdict)
      if ('reason' in verdict) expect(readingOf(verdict.reason).title).not.toBe('')
    }),
    { numRuns: 10_000 },
  )
})

test('nothing is permitted or challenged without a right secret and a known, covered user', () => {
  fc.assert(
    fc.property(facts, (some) => {
      if (decide(some).effect === 'refuse') return
      expect(some).toMatchObject({ secret: 'right', fault: undefined, user: { enabled: true } })
      expect(some.client).toBeDefined()
    }),
    runs,
  )
})

test('screening says what deciding says, and never looks at the secret', () => {
  fc.assert(
    fc.property(facts, (some) => {
      const word = screen(some)
      if (word !== undefined) expect(decide(some)).toEqual(word)
      expect(screen({ ...some, secret: 'untried' })).toEqual(word)
    }),
    runs,
  )
})

type Change = (facts: Facts) => Facts

const ofUser =
  (changed: Partial<User>): Change =>
  (facts) => ({ ...facts, user: { ...(facts.user ?? acme), ...changed } })
const ofKey =
  (changed: Partial<KeyFacts>): Change =>
  (facts) => ({ ...facts, key: { ...(facts.key ?? key), ...changed } })
const ofSession =
  (changed: Partial<SessionFacts>): Change =>
  (facts) => ({ ...facts, session: { ...(facts.session ?? session), ...changed } })
const of =
  (changed: Partial<Facts>): Change =>
  (facts) => ({ ...facts, ...changed })

/** One change per rule, in the order of the design. */
const objections: readonly (readonly [Reason, Change])[] = [
  ['request-malformed', of({ fault: 'request-malformed' })],
  ['source-unreadable', of({ client: undefined })],
  ['source-over-budget', of({ sourceBlockedUntil: now + 1 })],
  ['credential-absent', of({ credential: 'absent' })],
  ['overloaded', of({ saturated: true, secret: 'untried' })],
  ['user-unknown', of({ user: undefined })],
  ['user-disabled', ofUser({ enabled: false })],
  ['source-not-safelisted', ofUser({ safelist: closedSafelist })],
  ['basic-not-allowed', ofUser({ apiAccess: { http: false, smpp: false } })],
  ['user-locked', of({ lockedUntil: now + 1 })],
  ['secret-wrong', of({ secret: 'wrong' })],
  ['key-disabled', ofKey({ enabled: false })],
  ['key-expired', ofKey({ expiresAt: now })],
  ['key-source-not-allowed', ofKey({ safelist: closedSafelist })],
  ['session-ended', ofSession({ ended: true })],
  ['session-source-changed', ofSession({ boundTo: address('192.0.2.8') })],
  ['route-unknown', of({ route: undefined })],
  ['permission-missing', of({ route: { permission: 'sms/view' } })],
  ['second-factor-required', of({ secondFactor: 'owed' })],
]

test('every rule objects to its fact, in the order of the design', () => {
  expect(objections).toHaveLength(screening.length + proving.length)
  for (const [index, [reason, change]] of objections.entries()) {
    const { answers } = explain(change(request))
    const objecting = answers.findIndex(({ outcome }) => outcome !== 'passed')
    expect([objecting, answers[objecting]?.because]).toEqual([index, reason])
  }
})

test('of two objections the earlier one is the reason', () => {
  for (const [index, [reason, change]] of objections.entries())
    for (const [, later] of objections.slice(index + 1))
      expect(decide(change(later(request)))).toMatchObject({ reason })
})
