import { expect, test } from 'vitest'
import { address } from '../../policies/address.ts'
import {
  allowedUntil,
  closedSafelist,
  compileSafelist,
  compileStoredSafelist,
  covers,
  isListed,
  openSafelist,
  readSafelist,
  safelistSize,
  type Safelist,
} from '../../policies/safelist.ts'

const now = 1_000_000

const listOf = (...ranges: readonly string[]): Safelist => {
  const { ranges: entries, faults } = readSafelist(ranges.map((range) => ({ range })))
  expect(faults).toEqual([])
  return compileSafelist(entries)
}

const allows = (list: readonly string[], client: string) => ({ list, client, allowed: true })
const refuses = (list: readonly string[], client: string) => ({ list, client, allowed: false })

const rows = [
  allows([], '203.0.113.7'),
  allows([], '2001:db8::1'),
  allows(['203.0.113.0/24'], '203.0.113.0'),
  allows(['203.0.113.0/24'], '203.0.113.255'),
  refuses(['203.0.113.0/24'], '203.0.112.255'),
  refuses(['203.0.113.0/24'], '203.0.114.0'),
  // A1: a dual-stack listener shows an IPv4 client as mapped, a list may be written so too.
  allows(['203.0.113.0/24'], '::ffff:203.0.113.7'),
  allows(['::ffff:203.0.113.0/120'], '203.0.113.7'),
  allows(['::ffff:10.0.0.0/104'], '10.255.255.255'),
  refuses(['::ffff:10.0.0.0/104'], '11.0.0.0'),
  // A2
  allows(['2001:db8::1'], '2001:DB8:0:0:0:0:0:1'),
  allows(['2001:0db8:0000::/48'], '2001:db8:0:ffff:ffff:ffff:ffff:ffff'),
  refuses(['2001:db8::/48'], '2001:db8:1::'),
  refuses(['2001:db8::/48'], '2001:db7:ffff:ffff:ffff:ffff:ffff:ffff'),
  // Families never meet.
  refuses(['0.0.0.0/0'], '2001:db8::1'),
  refuses(['0.0.0.0/0'], '::'),
  refuses(['::/0'], '0.0.0.0'),
  refuses(['::/0'], '::ffff:203.0.113.7'),
  allows(['0.0.0.0/0'], '255.255.255.255'),
  allows(['::/0'], 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
  allows(['0.0.0.0'], '0.0.0.0'),
  refuses(['0.0.0.0'], '0.0.0.1'),
  allows(['255.255.255.255'], '255.255.255.255'),
  refuses(['255.255.255.255'], '255.255.255.254'),
  allows(['2001:db8::/128', '::/127'], '::1'),
  refuses(['2001:db8::/128', '::/127'], '::2'),
]

test.each(rows)('$list for $client: $allowed', ({ list, client, allowed }) => {
  expect(covers(listOf(...list), address(client), now)).toBe(allowed)
})

test('an entry allows before its end and not at it', () => {
  const { ranges } = readSafelist([{ range: '203.0.113.0/24', expiresAt: now }])
  const safelist = compileSafelist(ranges)
  expect(covers(safelist, address('203.0.113.7'), now - 1)).toBe(true)
  expect(covers(safelist, address('203.0.113.7'), now)).toBe(false)
})

test('a list whose entries have all expired allows nothing, and is not empty', () => {
  const { ranges } = readSafelist([{ range: '203.0.113.0/24', expiresAt: now - 1 }])
  const safelist = compileSafelist(ranges)
  expect(covers(safelist, address('198.51.100.1'), now)).toBe(false)
  expect(safelistSize(safelist)).toBe(1)
})

test('the latest end of the entries that cover an address holds', () => {
  const { ranges } = readSafelist([
    { range: '10.0.0.0/8', expiresAt: 100 },
    { range: '10.1.0.0/16', expiresAt: 300 },
    { range: '10.1.1.0/24', expiresAt: 200 },
    { range: '10.1.2.0/24' },
  ])
  const safelist = compileSafelist(ranges)
  const until = (text: string): number => allowedUntil(safelist, address(text))
  expect(until('10.0.0.1')).toBe(100)
  expect(until('10.1.0.1')).toBe(300)
  expect(until('10.1.1.1')).toBe(300)
  expect(until('10.1.2.1')).toBe(Infinity)
  expect(until('10.2.0.1')).toBe(100)
  expect(until('11.0.0.1')).toBe(-Infinity)
})

test('the open list allows all and lists nobody; the closed one allows nobody', () => {
  for (const client of [address('203.0.113.7'), address('2001:db8::1')]) {
    expect(covers(openSafelist, client, now)).toBe(true)
    expect(isListed(openSafelist, client, now)).toBe(false)
    expect(covers(closedSafelist, client, now)).toBe(false)
    expect(isListed(closedSafelist, client, now)).toBe(false)
  }
  expect(isListed(listOf('203.0.113.7'), address('203.0.113.7'), now)).toBe(true)
})

test('A3 every bad entry is named at once, and what was changed is said', () => {
  const { ranges, faults, notes } = readSafelist([
    { range: '203.0.113.0/24', description: 'office' },
    { range: '010.0.0.1' },
    { range: '10.0.0.1/8' },
    { range: '10.0.0.0/33' },
    { range: '192.0.2.1', expiresAt: NaN },
    { range: '192.0.2.2', expiresAt: 1.5 },
    { range: '192.0.2.3', expiresAt: null },
  ])
  expect(faults.map(({ path }) => path)).toEqual([
    'entries.1.range',
    'entries.3.range',
    'entries.4.expiresAt',
    'entries.5.expiresAt',
  ])
  expect(notes.map(({ path }) => path)).toEqual(['entries.2.range'])
  expect(ranges[0]).toMatchObject({ range: { text: '203.0.113.0/24' }, description: 'office' })
})

const broken = [
  '',
  '10.0.0.0/',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/08',
  '10.0.0.0/8.5',
  'NULL',
]

test.each(broken)('A4 a stored row %j closes the whole list', (range) => {
  const { safelist, faults } = compileStoredSafelist([{ range: '0.0.0.0/0' }, { range }])
  expect(faults).toHaveLength(1)
  expect(covers(safelist, address('203.0.113.7'), now)).toBe(false)
  expect(compileStoredSafelist([{ range }]).safelist).toBe(closedSafelist)
})

test('a sound stored list is compiled, and none stored is open', () => {
  const { safelist, faults } = compileStoredSafelist([{ range: '203.0.113.0/24', expiresAt: null }])
  expect(faults).toEqual([])
  expect(covers(safelist, address('203.0.113.7'), now)).toBe(true)
  expect(compileStoredSafelist([]).safelist).toBe(openSafelist)
})
