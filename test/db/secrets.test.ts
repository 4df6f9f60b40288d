import fc from 'fast-check'
import { createHash, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  createFingerprints,
  createPin,
  createToken,
  createUuid,
  digestToken,
  isSameDigest,
  isSameSecret,
  type SecretTried,
} from '../../db/secrets.ts'

const key = Buffer.alloc(32, 7)
const { userKey, fingerprint, pinDigest } = createFingerprints(key)
const bytes = (text: string): Uint8Array => Buffer.from(text)

/** Hands out these bytes, one call after the other. */
const scripted = (...draws: readonly string[]) => {
  const left = draws.map((hex) => Buffer.from(hex, 'hex'))
  return (count: number): Buffer => {
    const next = left.shift()
    if (next?.byteLength !== count) throw new Error(`${count} bytes were asked for`)
    return next
  }
}

test('a token is kept as its SHA-256 in hex', () => {
  const expected = createHash('sha256').update('token').digest('hex')
  expect(digestToken('token')).toBe(expected)
  expect(digestToken(bytes('token'))).toBe(expected)
})

test.each([
  ['equal bytes', 'abc', 'abc', true],
  ['a different byte', 'abc', 'abd', false],
  ['a shorter one', 'abc', 'ab', false],
  ['nothing', 'abc', '', false],
  ['two of nothing', '', '', true],
])('compares %s', (_, one, other, same) => {
  expect(isSameSecret(bytes(one), bytes(other))).toBe(same)
  expect(isSameDigest(one, other)).toBe(same)
})

test('makes tokens of 256 bits unless told, and none that can be guessed', () => {
  expect(createToken(randomBytes)).toMatch(/^[\w-]{43}$/)
  expect(createToken(randomBytes, 16)).toMatch(/^[\w-]{22}$/)
  expect(() => createToken(randomBytes, 15)).toThrow(RangeError)
})

test('makes UUIDs of version 4 of which every other bit is random', () => {
  expect(createUuid(scripted('00'.repeat(16)))).toBe('00000000-0000-4000-8000-000000000000')
  expect(createUuid(scripted('ff'.repeat(16)))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff')
})

test('makes PINs of six digits, drawing again where some would be likelier', () => {
  expect(createPin(scripted('00000007'))).toBe('000007')
  expect(createPin(scripted('000f4240'))).toBe('000000')
  expect(createPin(scripted('ffffffff', '0001e240'))).toBe('123456')
})

const tried: SecretTried = { userKey: 'u', against: 'password', epoch: 1, secret: bytes('secret') }

test.each([
  ['the user', { userKey: 'v' }],
  ['what it was tried against', { against: 'smpp-password' }],
  ['the epoch', { epoch: 2 }],
  ['the secret', { secret: bytes('Secret') }],
  ['a byte that is not UTF-8', { secret: Buffer.from([0xff]) }],
])('a fingerprint changes with %s', (_, change) => {
  const one = fingerprint(tried)
  expect(one).toMatch(/^[\w-]{16}$/)
  expect(fingerprint({ ...tried })).toBe(one)
  expect(fingerprint({ ...tried, ...change })).not.toBe(one)
})

test('two secrets of bytes that are not UTF-8 differ', () => {
  const of = (byte: number) => fingerprint({ ...tried, secret: Buffer.from([byte]) })
  expect(of(0xfe)).not.toBe(of(0xff))
})

test('parts never run into each other, wherever the joint is (D4)', () => {
  const text = fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'b', '1', '\0') })
  const parts = fc.record({ userKey: text, against: text, epoch: fc.nat(20), secret: text })
  const of = ({
    secret,
    ...rest
  }: {
    userKey: string
    against: string
    epoch: number
    secret: string
  }) => fingerprint({ ...rest, secret: bytes(secret) })
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      expect(of(one) === of(other)).toBe(JSON.stringify(one) === JSON.stringify(other))
    }),
    { numRuns: 5_000, seed: 7 },
  )
  expect(of({ userKey: 'ab', against: 'c', epoch: 1, secret: '' })).not.toBe(
    of({ userKey: 'a', against: 'bc', epoch: 1, secret: '' }),
  )
})

test('a user and a name spelt like its id have counters of their own', () => {
  expect(userKey({ userId: 'acme' })).toMatch(/^[\w-]{22}$/)
  expect(userKey({ userId: 'acme' })).not.toBe(userKey({ name: 'acme' }))
})

test('digests say nothing without the key of the installation', () => {
  const other = createFingerprints(Buffer.alloc(32, 8))
  expect(other.userKey({ name: 'acme' })).not.toBe(userKey({ name: 'acme' }))
  expect(other.fingerprint(tried)).not.toBe(fingerprint(tried))
  expect(other.pinDigest('c', '123456')).not.toBe(pinDigest('c', '123456'))
})

test('a PIN is bound to its challenge', () => {
  expect(pinDigest('c', '123456')).toMatch(/^[0-9a-f]{64}$/)
  expect(pinDigest('d', '123456')).not.toBe(pinDigest('c', '123456'))
})

test('a key that is too short fails', () => {
  expect(() => createFingerprints(Buffer.alloc(31))).toThrow(RangeError)
})
