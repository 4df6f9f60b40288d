import { expect, test } from 'vitest'
import { parseRange } from '../../policies/range.ts'

const reads = (written: string, text: string, noted = false) => ({ written, text, noted })

const ranges = [
  reads('203.0.113.7', '203.0.113.7'),
  reads('203.0.113.7/32', '203.0.113.7'),
  reads('203.0.113.0/24', '203.0.113.0/24'),
  reads('0.0.0.0/0', '0.0.0.0/0'),
  reads('203.0.113.7/24', '203.0.113.0/24', true),
  reads('10.0.0.1/0', '0.0.0.0/0', true),
  reads('128.0.0.0/1', '128.0.0.0/1'),
  reads('2001:db8::/32', '2001:db8::/32'),
  reads('2001:DB8:0::/32', '2001:db8::/32'),
  reads('2001:db8::1/32', '2001:db8::/32', true),
  reads('2001:db8::1/128', '2001:db8::1'),
  reads('::/0', '::/0'),
  reads('::ffff:203.0.113.7', '203.0.113.7', true),
  reads('::ffff:10.0.0.0/104', '10.0.0.0/8', true),
  reads('::ffff:a00:0/104', '10.0.0.0/8', true),
  reads('::ffff:10.1.2.3/104', '10.0.0.0/8', true),
  reads('::ffff:0:0/96', '0.0.0.0/0', true),
  reads('::ffff:1.2.3.4/128', '1.2.3.4', true),
]

test.each(ranges)('A5 $written is $text', ({ written, text, noted }) => {
  const parsed = parseRange(written)
  expect(parsed).toMatchObject({ range: { text } })
  expect('note' in parsed).toBe(noted)
  if ('note' in parsed) expect(parsed.note).toContain(text)
})

test('the canonical text of a range reads back without a note', () => {
  for (const { text } of ranges) expect(parseRange(text)).toMatchObject({ range: { text } })
  for (const { text } of ranges) expect(parseRange(text)).not.toHaveProperty('note')
})

const refused = (written: string, right: string) => ({ written, right })

const faults = [
  refused('', '203.0.113.0/24'),
  refused('010.0.0.1', 'without leading zeros'),
  refused('::ffff:010.0.0.1', '203.0.113.0/24'),
  refused('10.1', 'four numbers'),
  refused('0x0a.0.0.1', 'four numbers'),
  refused('167772161', 'four numbers'),
  refused('1/8', 'four numbers'),
  refused('10.0.0.0/', 'from 0 to 32'),
  refused('10.0.0.0/33', 'from 0 to 32'),
  refused('10.0.0.0/-1', 'from 0 to 32'),
  refused('10.0.0.0/08', 'from 0 to 32'),
  refused('10.0.0.0/8.5', 'from 0 to 32'),
  refused('10.0.0.0/8/8', 'from 0 to 32'),
  refused('10.0.0.0/ 8', 'from 0 to 32'),
  refused('10.0.0.0/8 ', 'from 0 to 32'),
  refused('10.0.0.0/+8', 'from 0 to 32'),
  refused('10.0.0.0/1e1', 'from 0 to 32'),
  refused('10.0.0.0/NaN', 'from 0 to 32'),
  refused('10.0.0.0/null', 'from 0 to 32'),
  refused('10.0.0.0/255.0.0.0', 'from 0 to 32'),
  refused('10.0.0.0/４', 'from 0 to 32'),
  refused('/8', '203.0.113.0/24'),
  refused('2001:db8::/129', 'from 0 to 128'),
  refused('2001:db8::/', 'from 0 to 128'),
  refused('::ffff:10.0.0.0/8', '10.0.0.0/8'),
  refused('::ffff:10.0.0.0/95', '96 to 128'),
  refused('::ffff:10.0.0.0/0', '10.0.0.0/0'),
  refused('::8.8.8.8', 'write 8.8.8.8'),
  refused('::8.8.8.999', '203.0.113.7'),
  refused('fe80::1%eth0', 'without it'),
  refused(' 10.0.0.0/8', 'without them'),
  refused('10.0.0.1-10.0.0.9', '203.0.113.0/24'),
  refused('10.0.0.*', '203.0.113.0/24'),
  refused('any', '203.0.113.0/24'),
]

test.each(faults)('A4 $written is refused with what would be right', ({ written, right }) => {
  const parsed = parseRange(written)
  expect(parsed).not.toHaveProperty('range')
  expect('fault' in parsed ? parsed.fault : '').toContain(right)
})

test('a fault quotes no more than a line of what was written', () => {
  const parsed = parseRange('9'.repeat(1_000_000))
  expect('fault' in parsed ? parsed.fault.length : Infinity).toBeLessThan(250)
})
