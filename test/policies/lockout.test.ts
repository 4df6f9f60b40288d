import { expect, test } from 'vitest'
import { address } from '../../policies/address.ts'
import { bucketOf, defaultLockoutRules, type Whereabouts } from '../../policies/lockout.ts'
import { compileSafelist, openSafelist, readSafelist } from '../../policies/safelist.ts'

const listed = (range: string) => compileSafelist(readSafelist([{ range }]).ranges)

/** A stranger's attempt on a user without a safelist; each row changes the one thing it is about. */
const stranger: Whereabouts = {
  rules: defaultLockoutRules,
  now: 1_000_000,
  client: address('203.0.113.7'),
  safelist: openSafelist,
  knownSource: false,
}

const falls = (into: string, from: string, change: Partial<Whereabouts>) => ({ into, from, change })

const known = { knownSource: true } as const
const strict = { rules: { ...defaultLockoutRules, strict: true } } as const

const rows = [
  falls('unknown', 'a stranger', {}),
  falls('unknown', 'another stranger', { client: address('198.51.100.1') }),
  falls('unknown', 'outside the safelist', { safelist: listed('198.51.100.0/24') }),
  falls('203.0.113.7', 'inside the safelist', { safelist: listed('203.0.113.0/24') }),
  falls('203.0.113.7', 'where the user succeeded', known),
  falls('2001:db8:0:1::/64', 'where the user succeeded, IPv6', {
    ...known,
    client: address('2001:db8:0:1:aaaa::1'),
  }),
  falls('device:d1', 'a known browser', { knownDevice: 'd1' }),
  falls('device:d1', 'a known browser at a known source', { ...known, knownDevice: 'd1' }),
  falls('all', 'a stranger, strictly', strict),
  falls('all', 'a known source, strictly', { ...known, ...strict }),
  falls('all', 'a known browser, strictly', { knownDevice: 'd1', ...strict }),
]

test.each(rows)('falls into $into: $from', ({ into, change }) => {
  expect(bucketOf({ ...stranger, ...change })).toBe(into)
})

test('falls into the shared bucket once the safelist entry has expired', () => {
  const { ranges } = readSafelist([{ range: '203.0.113.0/24', expiresAt: stranger.now }])
  const safelist = compileSafelist(ranges)
  expect(bucketOf({ ...stranger, safelist, now: stranger.now - 1 })).toBe('203.0.113.7')
  expect(bucketOf({ ...stranger, safelist })).toBe('unknown')
})
