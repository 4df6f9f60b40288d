import { expect, test } from 'vitest'
import { readingOf, reasons, type Reason } from '../../policies/reasons.ts'

const all = Object.keys(reasons) as Reason[]

/** What goes over the wire; what a refusal is counted against stays inside. */
const onHttp = (reason: Reason): string => {
  const { http, type, title, messageId } = readingOf(reason)
  return JSON.stringify({ http, type, title, messageId })
}

const withHttp = (status: number): readonly Reason[] =>
  all.filter((reason) => readingOf(reason).http === status)

test('every 401 has the same bytes, but the one that asks for a second factor', () => {
  const uniform = withHttp(401).filter((reason) => reason !== 'second-factor-required')
  expect(uniform).toEqual(
    expect.arrayContaining([
      ...['user-unknown', 'secret-wrong', 'user-disabled', 'user-locked'],
      ...['source-not-safelisted', 'basic-not-allowed', 'credential-absent', 'key-expired'],
    ]),
  )
  expect(new Set(uniform.map(onHttp)).size).toBe(1)
})

test('what is the same on HTTP is the same on SMPP', () => {
  const uniform = ['user-unknown', 'secret-wrong', 'user-disabled', 'user-locked'] as const
  const others = ['source-not-safelisted', 'basic-not-allowed', 'permission-missing'] as const
  for (const reason of [...uniform, ...others, 'bind-limit-reached'] as const)
    expect(readingOf(reason).smpp, reason).toBe(0x0d)
})

test('a bind is refused with 0x08, 0x0D or 0x58, never with 0x05, 0x0E or 0x0F', () => {
  const statuses = all.flatMap((reason) => readingOf(reason).smpp ?? [])
  expect(new Set(statuses)).toEqual(new Set([0x08, 0x0d, 0x58]))
})

test('other statuses tell what a client can act on', () => {
  expect(withHttp(403)).toEqual(['permission-missing', 'beyond-own-rights', 'cross-site'])
  expect(withHttp(404)).toEqual(['route-unknown'])
  expect(withHttp(429)).toEqual(['source-over-budget'])
  expect(withHttp(502)).toEqual(['upstream-unreachable'])
  expect(withHttp(503)).toEqual(['overloaded', 'unavailable'])
  expect(withHttp(504)).toEqual(['upstream-timeout'])
})

test('a refusal that is ours or the upstream’s is held against nobody', () => {
  for (const reason of all) {
    const { http = 0, counts } = readingOf(reason)
    if (http >= 500 || http === 403 || http === 404 || http === 429)
      expect(counts, reason).toBeUndefined()
  }
})

test('every reason reads on one wire at least', () => {
  for (const reason of all)
    expect(readingOf(reason).http ?? readingOf(reason).smpp, reason).toBeDefined()
})

test('no title tells more than the class of the refusal', () => {
  for (const reason of withHttp(401))
    expect(readingOf(reason).title).not.toMatch(/user|password|lock/i)
})
