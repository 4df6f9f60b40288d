import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  address,
  addressOfWords,
  isSameAddress,
  parseAddress,
  sourceGroup,
} from '../../policies/address.ts'

const reads = (text: string, canonical: string, family: 4 | 6) => ({ text, canonical, family })

const spellings = [
  reads('203.0.113.7', '203.0.113.7', 4),
  reads('0.0.0.0', '0.0.0.0', 4),
  reads('255.255.255.255', '255.255.255.255', 4),
  reads('::ffff:203.0.113.7', '203.0.113.7', 4),
  reads('::FFFF:203.0.113.7', '203.0.113.7', 4),
  reads('::ffff:cb00:7107', '203.0.113.7', 4),
  reads('0:0:0:0:0:ffff:203.0.113.7', '203.0.113.7', 4),
  reads('0000:0000:0000:0000:0000:ffff:255.255.255.255', '255.255.255.255', 4),
  reads('::', '::', 6),
  reads('::1', '::1', 6),
  reads('2001:db8::', '2001:db8::', 6),
  reads('2001:DB8:0:0:0:0:0:1', '2001:db8::1', 6),
  reads('2001:0db8:0000:0000:0001:0000:0000:0001', '2001:db8::1:0:0:1', 6),
  reads('2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1', 6),
  reads('2001:db8::1:1:1:1:1', '2001:db8:0:1:1:1:1:1', 6),
  reads('1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0', 6),
  reads('64:ff9b::192.0.2.33', '64:ff9b::c000:221', 6),
  reads('::808:808', '::808:808', 6),
  reads('::ffff:0:203.0.113.7', '::ffff:0:cb00:7107', 6),
]

test.each(spellings)('A2 $text is $canonical', ({ text, canonical, family }) => {
  const parsed = parseAddress(text)
  expect(parsed).toMatchObject({ text: canonical, family })
  expect(parsed?.words).toEqual(address(canonical).words)
})

const unreadable = [
  ...['', ' ', '10', '10.1', '10.0.1', '10.0.0.1.1', '010.0.0.1', '10.0.0.01', '0x0a.0.0.1'],
  ...['0x0a000001', '167772161', '256.0.0.1', '1e1.0.0.1', '-1.0.0.1', '+1.0.0.1', '1.2.3.4 '],
  ...[' 1.2.3.4', '1.2.3.4\n', '1.2.3.4\0', '１.2.3.4', '1.2.3.4/32', '1.2.3.4:80', '1..2.3'],
  ...['::8.8.8.8', '0::8.8.8.8', '::ffff:010.0.0.1', '::ffff:0x10.0.0.1', '::ffff:10.1'],
  ...['::ffff:256.0.0.1', '::ffff:1.2.3.4.5', '::ffff:1.2.3.4:1', '1.2.3.4::', '1.2.3.4:ffff::'],
  ...[
    'fe80::1%eth0',
    '::1%1',
    '::ffff:1.2.3.4%1',
    '[::1]',
    '[::1]:80',
    ':',
    ':::',
    '::::',
    '1::2::3',
  ],
  ...[':1::2', '1::2:', ':1:2:3:4:5:6:7', '1:2:3:4:5:6:7:', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9'],
  ...['1::2:3:4:5:6:7:8', '::1:2:3:4:5:6:7:8', '00001::', '12345::1', '2001:db8::g', '2001-db8::1'],
  ...['unknown', '_hidden', '*', 'localhost', '1:2:3:4:5:6:7:1.2.3.4', '1'.repeat(100_000)],
]

test.each(unreadable)('A3 %j is no address', (text) => {
  expect(parseAddress(text)).toBeUndefined()
})

test('a literal that is no address throws', () => {
  expect(() => address('010.0.0.1')).toThrow('010.0.0.1')
})

const words = fc.array(fc.oneof(fc.constant(0), fc.nat(0xffffffff)), { minLength: 4, maxLength: 4 })

test('every IPv6 address reads back from its canonical text', () => {
  fc.assert(
    fc.property(words, (four) => {
      const one = addressOfWords(four)
      expect(parseAddress(one.text)).toEqual(one)
    }),
    { numRuns: 5_000 },
  )
})

test('every spelling of an IPv6 address is the same address', () => {
  const group = (value: number, pad: boolean, upper: boolean): string => {
    const hex = value.toString(16).padStart(pad ? 4 : 1, '0')
    return upper ? hex.toUpperCase() : hex
  }
  fc.assert(
    fc.property(words, fc.boolean(), fc.boolean(), (four, pad, upper) => {
      const groups = four.flatMap((word) => [word >>> 16, word & 0xffff])
      const text = groups.map((value) => group(value, pad, upper)).join(':')
      expect(isSameAddress(address(text), addressOfWords(four))).toBe(true)
    }),
    { numRuns: 5_000 },
  )
})

test('nothing that is written is ever a throw', () => {
  const char = fc.constantFrom(...'0123456789abcfx.:%/ -'.split(''))
  fc.assert(
    fc.property(fc.string({ unit: char, maxLength: 24 }), (text) => {
      const parsed = parseAddress(text)
      if (parsed !== undefined) expect(parseAddress(parsed.text)).toEqual(parsed)
    }),
    { numRuns: 20_000 },
  )
})

test('an IPv6 source counts with its /64, an IPv4 source alone', () => {
  expect(sourceGroup(address('203.0.113.7'))).toBe('203.0.113.7')
  expect(sourceGroup(address('::ffff:203.0.113.7'))).toBe('203.0.113.7')
  expect(sourceGroup(address('2001:db8:1:2::3'))).toBe('2001:db8:1:2::/64')
  expect(sourceGroup(address('2001:db8:1:2:ffff:ffff:ffff:ffff'))).toBe('2001:db8:1:2::/64')
  expect(sourceGroup(address('2001:db8:1:3::3'))).not.toBe('2001:db8:1:2::/64')
})

test('addresses of two families are never the same', () => {
  expect(isSameAddress(address('0.0.0.1'), address('::1'))).toBe(false)
  expect(isSameAddress(address('::ffff:1.2.3.4'), address('1.2.3.4'))).toBe(true)
  expect(isSameAddress(address('2001:db8::1'), address('2001:db8::2'))).toBe(false)
})
