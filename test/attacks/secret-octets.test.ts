import { afterAll, beforeAll, expect, test } from 'vitest'
import { attack, permitted, refused, head, startPair, type Pair } from '../support/pair.ts'

/** Longer than the 72 octets that bcrypt looks at, and with octets beyond ASCII. */
const long = `${'a'.repeat(80)}é`

let pair: Pair

beforeAll(async () => {
  pair = await startPair({ users: [{ username: 'longy', password: long }] })
})
afterAll(() => pair.stop())

const call = (secret: Buffer) => {
  const offered = Buffer.concat([Buffer.from('longy:'), secret]).toString('base64')
  return attack(pair, head('GET /a', `Authorization: Basic ${offered}\nConnection: close`))
}

test.each([
  ['the password itself', Buffer.from(long), permitted()],
  [
    'one that differs after 72 octets',
    Buffer.from(`${'a'.repeat(79)}bé`),
    refused(401, 'secret-wrong'),
  ],
  ['one that ends after 72 octets', Buffer.from('a'.repeat(72)), refused(401, 'secret-wrong')],
  [
    'the same letter composed of two',
    Buffer.from(`${'a'.repeat(80)}e\u0301`),
    refused(401, 'secret-wrong'),
  ],
  ['its letter in Latin-1', Buffer.from(long, 'latin1'), refused(401, 'credential-malformed')],
  [
    'the replacement character',
    Buffer.from(`${'a'.repeat(80)}\ufffd`),
    refused(401, 'secret-wrong'),
  ],
])('only the very same octets are the password: %s (D2)', async (_, secret, verdict) => {
  expect((await call(secret)).verdicts).toEqual([verdict])
})
