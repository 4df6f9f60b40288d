import { expect, test } from 'vitest'
import { checkPassword, checkSmppPassword, smppReach } from '../../policies/passwords.ts'

const scores = (score: number) => (): number => score
const messages = (password: string, score = 4, minLength = 12): readonly string[] =>
  checkPassword(password, { rules: { minLength }, guess: scores(score) }).map(
    ({ message }) => message,
  )

const allows = (title: string, password: string, minLength = 12) => ({
  title,
  password,
  minLength,
  faults: 0,
})
const refuses = (title: string, password: string, minLength = 12, faults = 1) => ({
  title,
  password,
  minLength,
  faults,
})

test.each([
  allows('the least length', 'a'.repeat(12)),
  refuses('one character less', 'a'.repeat(11)),
  allows('an account with a shorter setting', 'a'.repeat(8), 8),
  refuses('less than eight, whatever the setting', 'a'.repeat(7), 4),
  refuses('a setting that is no number', 'a'.repeat(200), NaN),
  allows('characters outside the BMP', '😀'.repeat(12)),
  refuses('characters outside the BMP, counted once each', '😀'.repeat(11)),
  allows('blanks and punctuation', '  correct : horse  '),
  allows('256 bytes', 'a'.repeat(256)),
  refuses('257 bytes', 'a'.repeat(257)),
  allows('256 bytes of UTF-8', 'é'.repeat(128)),
  refuses('258 bytes of UTF-8', 'é'.repeat(129)),
  refuses('ten megabytes', 'a'.repeat(10_000_000)),
  refuses('a lone surrogate', `${'a'.repeat(12)}\uD800`),
  refuses('NUL', `${'a'.repeat(12)}\0`),
  refuses('a line end', `${'a'.repeat(12)}\r\n`),
  refuses('DEL', `${'a'.repeat(12)}\x7F`),
  refuses('a C1 control character', `${'a'.repeat(12)}\x85`),
  refuses('all of that at once', '\0\uD800', 12, 3),
])('$title: $faults faults', ({ password, minLength, faults }) => {
  expect(messages(password, 4, minLength)).toHaveLength(faults)
})

test('a guessable password is refused, also when the scorer answers with no number', () => {
  expect(messages('a'.repeat(12), 3)).toEqual([])
  expect(messages('a'.repeat(12), 2)).toHaveLength(1)
  expect(messages('a'.repeat(12), NaN)).toHaveLength(1)
})

test('D1 what is too long is never scored', () => {
  const guess = (): number => expect.fail('scored')
  expect(checkPassword('a'.repeat(1_000_000), { guess })).toHaveLength(1)
  expect(checkSmppPassword('a'.repeat(1_000_000), { guess })).toHaveLength(1)
})

test('the scorer is given what a stranger knows', () => {
  const guess = (_password: string, hints: readonly string[]): number => hints.length
  expect(checkPassword('a'.repeat(12), { guess, hints: ['acme', 'a@ex.com', 'Ann'] })).toEqual([])
  expect(checkPassword('a'.repeat(12), { guess })).toHaveLength(1)
})

test('faults name the field that they are told', () => {
  const [fault] = checkPassword('short', { guess: scores(4), path: 'newPassword' })
  expect(fault?.path).toBe('newPassword')
})

test.each([
  { title: 'eight octets', password: 'x9Kq2vLm', faults: 0 },
  { title: '64 octets', password: 'x'.repeat(64), faults: 0 },
  { title: '65 octets', password: 'x'.repeat(65), faults: 1 },
  { title: 'seven octets', password: 'x9Kq2vL', faults: 1 },
  { title: 'not ASCII', password: 'pässword', faults: 1 },
  { title: 'a NUL', password: 'x9Kq\0vLm', faults: 1 },
  { title: 'short and not ASCII', password: 'ä', faults: 2 },
])('an SMPP password of $title: $faults faults', ({ password, faults }) => {
  expect(checkSmppPassword(password, { guess: scores(2) })).toHaveLength(faults)
})

test('an SMPP password is refused when it is one of the commonest', () => {
  expect(checkSmppPassword('password', { guess: scores(0) })).toHaveLength(1)
})

test('a password tells which SMPP clients can send it', () => {
  expect(smppReach('x'.repeat(8))).toBe('all')
  expect(smppReach('x'.repeat(9))).toBe('lenient')
  expect(smppReach('x'.repeat(64))).toBe('lenient')
  expect(smppReach('x'.repeat(65))).toBe('none')
  expect(smppReach('pässword')).toBe('none')
  expect(smppReach('')).toBe('none')
})
