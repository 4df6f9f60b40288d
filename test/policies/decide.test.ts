import { describe, expect, test } from 'vitest'
import { address } from '../../policies/address.ts'
import { decide, screen } from '../../policies/decide.ts'
import { compilePermissions, noPermissions } from '../../policies/permissions.ts'
import { closedSafelist, compileStoredSafelist, openSafelist } from '../../policies/safelist.ts'
import {
  acme,
  bind,
  key,
  listOf,
  now,
  request,
  rowsOn,
  session,
  signIn,
  type Row,
} from './facts.ts'

const holdTo = (rows: readonly Row[]): void => {
  test.each(rows)('$verdict.effect: $title', ({ facts, verdict }) => {
    expect(decide(facts)).toEqual(verdict)
  })
}

describe('a bind', () => {
  const { permits, refuses } = rowsOn(bind)
  const { permits: permitsCall } = rowsOn({ ...bind, channel: 'http' })
  const smppOff = { ...acme, apiAccess: { http: true, smpp: false } }
  holdTo([
    permits('a safelisted client with the right password', {}),
    permits('an IPv4-mapped client of an IPv4 safelist (A1)', {
      client: address('::ffff:192.0.2.7'),
    }),
    permits('another spelling of an IPv6 client (A2)', { client: address('2001:DB8:0:0::1') }),
    permits('any client of a user without a safelist', {
      client: address('203.0.113.9'),
      user: { ...acme, safelist: openSafelist },
    }),
    permits('a lock that is over', { lockedUntil: now }),
    permits('a budget that is whole again', { sourceBlockedUntil: now }),
    refuses('an unreadable source', { client: undefined }, 'source-unreadable'),
    refuses(
      'a source over its budget',
      { sourceBlockedUntil: now + 1 },
      'source-over-budget',
      now + 1,
    ),
    refuses('no credential', { credential: 'absent' }, 'credential-absent'),
    refuses('a malformed credential', { credential: 'malformed' }, 'credential-malformed'),
    refuses('two credentials', { credential: 'ambiguous' }, 'credential-ambiguous'),
    refuses('an unknown user', { user: undefined }, 'user-unknown'),
    refuses('a disabled user', { user: { ...acme, enabled: false } }, 'user-disabled'),
    refuses(
      'a client outside the safelist',
      { client: address('192.0.3.7') },
      'source-not-safelisted',
    ),
    refuses(
      'a user whose stored safelist is broken (A4)',
      { user: { ...acme, safelist: compileStoredSafelist([{ range: '0.0.0.0/-1' }]).safelist } },
      'source-not-safelisted',
    ),
    refuses(
      'a bind while SMPP is off for basic credentials',
      { user: smppOff },
      'basic-not-allowed',
    ),
    permitsCall('a call while only SMPP is off', { user: smppOff }),
    refuses('a locked bucket', { lockedUntil: now + 1 }, 'user-locked', now + 1),
    refuses('a lock until an admin unlocks', { lockedUntil: Infinity }, 'user-locked', Infinity),
    refuses('a lock whose end cannot be read', { lockedUntil: NaN }, 'user-locked', NaN),
    refuses('a wrong password', { secret: 'wrong' }, 'secret-wrong'),
    refuses('a password that nobody tried', { secret: 'untried' }, 'unavailable'),
  ])
})

describe('a call', () => {
  const { permits, refuses, challenges } = rowsOn(request)
  const httpOff = { ...acme, apiAccess: { http: false, smpp: true } }
  const withKey = { credential: 'api-key', key } as const
  const withSession = { credential: 'session', session } as const
  holdTo([
    permits('a client with the permission of the route', {}),
    permits('a route that asks for none', { route: {} }),
    refuses('a malformed request', { fault: 'request-malformed' }, 'request-malformed'),
    refuses('a method that is not allowed', { fault: 'method-not-allowed' }, 'method-not-allowed'),
    refuses('no route', { route: undefined }, 'route-unknown'),
    refuses(
      'no permission',
      { user: { ...acme, permissions: noPermissions } },
      'permission-missing',
    ),
    refuses('basic credentials while HTTP is off', { user: httpOff }, 'basic-not-allowed'),
    permits('a key while HTTP is off (U12)', { ...withKey, user: httpOff }),
    permits('a session while HTTP is off (U12)', { ...withSession, user: httpOff }),
    permits('a bearer token while HTTP is off (U12)', { credential: 'bearer', user: httpOff }),
    permits('a key', withKey),
    permits('a key from its first instant on', { ...withKey, key: { ...key, notBefore: now } }),
    refuses('a key too early', { ...withKey, key: { ...key, notBefore: now + 1 } }, 'key-expired'),
    permits('a key to its last instant', { ...withKey, key: { ...key, expiresAt: now + 1 } }),
    refuses('a key too late', { ...withKey, key: { ...key, expiresAt: now } }, 'key-expired'),
    refuses(
      'a key without a readable end',
      { ...withKey, key: { ...key, expiresAt: NaN } },
      'key-expired',
    ),
    refuses('a disabled key', { ...withKey, key: { ...key, enabled: false } }, 'key-disabled'),
    permits('a key from its addresses', {
      ...withKey,
      key: { ...key, safelist: listOf('192.0.2.7') },
    }),
    refuses(
      'a key from elsewhere',
      { ...withKey, key: { ...key, safelist: listOf('192.0.2.8') } },
      'key-source-not-allowed',
    ),
    refuses(
      'a key whose stored addresses are broken',
      { ...withKey, key: { ...key, safelist: closedSafelist } },
      'key-source-not-allowed',
    ),
    refuses(
      'a key from outside the safelist of its user',
      { ...withKey, client: address('198.51.100.1') },
      'source-not-safelisted',
    ),
    permits('a key narrowed to the route', {
      ...withKey,
      key: { ...key, permissions: compilePermissions(['sms/send']) },
    }),
    refuses(
      'a key narrowed to something else',
      { ...withKey, key: { ...key, permissions: compilePermissions(['sms/view']) } },
      'permission-missing',
    ),
    refuses(
      'a key that is wider than its user',
      {
        ...withKey,
        user: { ...acme, permissions: noPermissions },
        key: { ...key, permissions: compilePermissions(['*']) },
      },
      'permission-missing',
    ),
    permits('a session at its source', withSession),
    refuses('an ended session', { ...withSession, session: { ended: true } }, 'session-ended'),
    permits('an unsafe session anywhere', { ...withSession, session: { ended: false } }),
    refuses(
      'a session from another source',
      { ...withSession, session: { ended: false, boundTo: address('192.0.2.8') } },
      'session-source-changed',
    ),
    challenges('a second factor owed', { secondFactor: 'owed' }),
    permits('a second factor passed', { secondFactor: 'passed' }),
  ])
})

describe('a sign-in', () => {
  const { permits, refuses, challenges } = rowsOn(signIn)
  const bothOff = { ...acme, apiAccess: { http: false, smpp: false } }
  holdTo([
    permits('a person whose basic credentials are off everywhere', { user: bothOff }),
    refuses(
      'a client outside the safelist',
      { client: address('198.51.100.1') },
      'source-not-safelisted',
    ),
    challenges('a browser that is not remembered', { secondFactor: 'owed' }),
    refuses(
      'a wrong password, whatever is owed',
      { secret: 'wrong', secondFactor: 'owed' },
      'secret-wrong',
    ),
  ])
})

describe('screening', () => {
  test('objects to what needs no secret', () => {
    expect(screen({ ...bind, secret: 'untried', user: undefined })).toMatchObject({
      reason: 'user-unknown',
    })
  })

  test('leaves what needs one to be verified', () => {
    expect(screen({ ...bind, secret: 'untried' })).toBeUndefined()
    expect(screen({ ...bind, secret: 'wrong' })).toBeUndefined()
  })
})
