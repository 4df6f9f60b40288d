import { maxPasswordOctets } from './passwords.ts'
import type { Credential } from './ports.ts'

const NAME_BYTES_MAX = 256
const TOKEN_LENGTH_MAX = 1_024
const COLON = 0x3a

const absent: Credential = Object.freeze({ kind: 'absent' })
const malformed: Credential = Object.freeze({ kind: 'malformed' })
const ambiguous: Credential = Object.freeze({ kind: 'ambiguous' })

/** Padded, and without stray bits in the last character, so that a secret has one spelling. */
const canonicalBase64 = /^[A-Za-z0-9+/]*(?:[AEIMQUYcgkosw048]=|[AQgw]==)?$/

/** token68 (RFC 9110 §11.2). */
const token68 = /^[\w.~+/-]+=*$/
const control = /\p{Cc}/u

/** What is no UTF-8 comes out of reading as another text, and so as other bytes. */
const isUtf8 = (bytes: Buffer): boolean => Buffer.from(bytes.toString()).equals(bytes)

/** RFC 7617 §2: user-id and password, joined by the first colon, as UTF-8, in base64. */
const readBasic = (encoded: string): Credential => {
  if (encoded.length % 4 !== 0 || !canonicalBase64.test(encoded)) return malformed
  const bytes = Buffer.from(encoded, 'base64')
  const colon = bytes.indexOf(COLON)
  if (colon < 0 || colon > NAME_BYTES_MAX) return malformed
  if (bytes.length - colon - 1 > maxPasswordOctets || !isUtf8(bytes)) return malformed
  const username = bytes.toString('utf8', 0, colon)
  if (control.test(username)) return malformed
  return { kind: 'password', username, secret: bytes.subarray(colon + 1) }
}

const kinds = new Map<string, 'password' | 'api-key' | 'session' | 'bearer'>([
  ['basic', 'password'],
  ['app', 'api-key'],
  ['ibsso', 'session'],
  ['bearer', 'bearer'],
])

/**
 * Reads the lines of Authorization (RFC 9110 §11.6.2), of which there must be exactly one. A secret
 * beyond 256 bytes is malformed, so it is never hashed; scheme names are read without regard to case.
 */
export const readCredential = (lines: readonly string[]): Credential => {
  const [line] = lines
  if (line === undefined) return absent
  if (lines.length > 1) return ambiguous
  const space = line.indexOf(' ')
  if (space < 0) return malformed
  const kind = kinds.get(line.slice(0, space).toLowerCase())
  if (kind === undefined) return malformed
  let start = space + 1
  while (line[start] === ' ') start += 1
  const rest = line.slice(start)
  if (rest.includes(',')) return ambiguous
  if (kind === 'password') return readBasic(rest)
  return rest.length <= TOKEN_LENGTH_MAX && token68.test(rest) ? { kind, token: rest } : malformed
}
