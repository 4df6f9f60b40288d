import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openSealed, seal } from '../../db/sealing.ts'

const key = Buffer.alloc(32, 1)
const sealed = seal({ key, purpose: 'tests', text: 'a secret', random: randomBytes })

test('what is sealed is opened with the same key for the same purpose', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      const closed = seal({ key, purpose: 'tests', text, random: randomBytes })
      expect(openSealed({ key, purpose: 'tests', sealed: closed })).toBe(text)
    }),
  )
})

test('it tells nothing, and is another each time', () => {
  expect(sealed).not.toContain('secret')
  expect(seal({ key, purpose: 'tests', text: 'a secret', random: randomBytes })).not.toBe(sealed)
})

const turned = Buffer.from(sealed, 'base64url')
turned[turned.length - 1]! ^= 1

test.each([
  ['another key', { key: Buffer.alloc(32, 2) }],
  ['another purpose', { purpose: 'test' }],
  ['a bit that was turned', { sealed: turned.toString('base64url') }],
  ['an end that was cut off', { sealed: sealed.slice(0, -4) }],
  ['nothing', { sealed: '' }],
])('%s opens nothing', (_, change) => {
  expect(openSealed({ key, purpose: 'tests', sealed, ...change })).toBeUndefined()
})
