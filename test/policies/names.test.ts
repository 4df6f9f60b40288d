import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import {
  fitsSystemId,
  foldEmail,
  foldUsername,
  labelFaults,
  parseEmail,
  parseMobileNumber,
  parseUsername,
} from '../../policies/names.ts'

test('C1 spellings of one username that differ in case fold into one', () => {
  expect(new Set(['John', 'john', 'JOHN', 'jOHN'].map(foldUsername))).toEqual(new Set(['john']))
})

test('C1 no name outside ASCII folds into one inside', () => {
  // Kelvin sign, long s, dotted capital I, full-width: all of them lower-case or compose to ASCII.
  for (const name of ['\u212Aate', 'a\u017Fk', '\u0130vy', '\uFF2Aohn']) {
    expect(foldUsername(name)).toBe(name)
    expect(parseUsername(name)).toBeUndefined()
  }
})

test('folding is idempotent, keeps the length and changes letters only', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (name) => {
      const folded = foldUsername(name)
      expect(foldUsername(folded)).toBe(folded)
      expect(folded).toHaveLength(name.length)
      expect(folded.replace(/[a-z]/g, '')).toBe(
        name.replace(/[a-z]/gi, (letter) => (/[a-zA-Z]/.test(letter) ? '' : letter)),
      )
    }),
  )
})

const good = [
  'acme',
  'abc',
  'a'.repeat(64),
  'john.doe+1@example.com',
  '=1+1',
  '__proto__',
  "o'neil",
]

test.each(good)('%j is a username', (name) => {
  expect(parseUsername(name)).toBe(name)
})

const bad = [
  ...['', 'ab', 'a'.repeat(65), 'a b', ' abc', 'abc ', 'a:b', 'abc\n', 'a\tb', 'a\0bc', 'ab\x7Fc'],
  ...['ab\x80c', '\uFEFFabc', 'ab\u200Bc', 'ab\u202Ec', 'ａｂｃ', 'abcé', 'ab\u00A0c', '😀😀😀'],
]

test.each(bad)('C2 %j is no username', (name) => {
  expect(parseUsername(name)).toBeUndefined()
})

test('a system_id of strict SMPP 3.4 clients has 15 octets', () => {
  expect(fitsSystemId('a'.repeat(15))).toBe(true)
  expect(fitsSystemId('a'.repeat(16))).toBe(false)
})

const mails = [
  'a@ex.com',
  'a@EX.COM',
  'first.last+tag@mail.example.co.uk',
  'admin@localhost',
  "o'n@x.de",
]

test.each(mails)('%j is one e-mail address', (text) => {
  expect(parseEmail(text)).toBe(text)
})

const badMails = [
  ...['', 'a', '@ex.com', 'a@', 'a@@ex.com', 'a@b@ex.com', 'a@ex.com,evil@x', 'a@ex.com;b@ex.com'],
  ...['a@ex.com\r\nBcc: x', 'a@ex.com\n', 'a b@ex.com', '<a@ex.com>', 'A <a@ex.com>', '"a"@ex.com'],
  ...['.a@ex.com', 'a.@ex.com', 'a..b@ex.com', 'a@-ex.com', 'a@ex-.com', 'a@ex..com', 'a@ex.com.'],
  ...['a@[127.0.0.1]', 'a@ex.com\0', 'ａ@ex.com', 'a@exämple.com', `${'a'.repeat(65)}@ex.com`],
  `a@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(60)}.${'f'.repeat(60)}`,
]

test.each(badMails)('C3 %j is no e-mail address', (text) => {
  expect(parseEmail(text)).toBeUndefined()
})

test('hostile input of a megabyte is refused at once', () => {
  const started = process.hrtime.bigint()
  for (const part of ['a', 'a.', 'a@', '-', 'a@a.']) {
    expect(parseEmail(part.repeat(500_000))).toBeUndefined()
    expect(parseEmail(part.repeat(60))).toBeUndefined()
    expect(parseUsername(part.repeat(500_000))).toBeUndefined()
  }
  expect(Number(process.hrtime.bigint() - started) / 1e6).toBeLessThan(200)
})

test('e-mail addresses are compared without regard to case', () => {
  expect(foldEmail('A.b@EX.com')).toBe('a.b@ex.com')
})

describe('names that people give', () => {
  it.each(['A', 'Billing (EU)', 'Дежурный', '計費', '👩‍💻', 'x'.repeat(64)])('take %j', (text) => {
    expect(labelFaults(text)).toEqual([])
  })

  it.each(['', ' A', 'A ', 'a\nb', 'a\u0000', 'admin\u202e', 'a\u2028b', '\ud800', 'x'.repeat(65)])(
    'do not take %j',
    (text) => {
      expect(labelFaults(text, 'label')).not.toEqual([])
      expect(labelFaults(text, 'label').every(({ path }) => path === 'label')).toBe(true)
    },
  )
})

describe('mobile numbers', () => {
  it.each(['+41793026727', '+12025550123'])('are read as they are called: %s', (text) => {
    expect(parseMobileNumber(text)).toBe(text)
  })

  it.each(['0793026727', '+0793026727', '+41 79', '+41', 'tel:+41793026727', '+٤١٧٩٣٠٢٦٧٢٧'])(
    'are not %j',
    (text) => {
      expect(parseMobileNumber(text)).toBeUndefined()
    },
  )
})
