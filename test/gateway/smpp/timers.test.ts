import { describe, expect, it } from 'vitest'
import { findOverdue, type Overdue, type Timers, type Times } from '../../../gateway/smpp/timers.ts'

const timers: Timers = {
  initMs: 10_000,
  pduMs: 10_000,
  stallMs: 30_000,
  enquireLinkMs: 60_000,
  responseMs: 20_000,
  inactivityMs: 600_000,
}

/** A leg that was bound and heard at 0; each row changes what it is about. */
const bound: Times = {
  openedAt: 0,
  boundAt: 0,
  heardAt: 0,
  workedAt: 0,
  partialSince: undefined,
  pendingSince: undefined,
  enquiredAt: undefined,
}
const unbound = { boundAt: undefined }

const rows: readonly [string, Partial<Times>, number, Overdue | undefined][] = [
  ['no bind at 9.999 s', unbound, 9_999, undefined],
  ['no bind at 10 s', unbound, 10_000, 'session-init-timeout'],
  ['no bind, octet by octet', { ...unbound, heardAt: 9_999 }, 10_000, 'session-init-timeout'],
  ['no bind after a late accept', { ...unbound, openedAt: 5_000 }, 10_000, undefined],
  ['a bind at 10 s', {}, 10_000, undefined],
  ['a PDU begun 9.999 s ago', { partialSince: 1 }, 10_000, undefined],
  ['a PDU begun 10 s ago', { partialSince: 0, heardAt: 9_999 }, 10_000, 'pdu-timeout'],
  ['octets waiting for 29.999 s', { pendingSince: 1, heardAt: 1 }, 30_000, undefined],
  ['octets waiting for 30 s', { pendingSince: 0, heardAt: 29_999 }, 30_000, 'write-stall'],
  ['a silence of 59.999 s', { heardAt: 1 }, 60_000, undefined],
  ['a silence of 60 s', {}, 60_000, 'enquire-link'],
  ['a silence that we asked about', { enquiredAt: 60_000 }, 79_999, undefined],
  ['no answer for 20 s', { enquiredAt: 60_000 }, 80_000, 'response-timeout'],
  [
    'any sign of life after we asked',
    { enquiredAt: 60_000, heardAt: 60_001, workedAt: 60_001 },
    80_000,
    undefined,
  ],
  [
    'a new silence after that',
    { enquiredAt: 60_000, heardAt: 60_001, workedAt: 60_001 },
    120_001,
    'enquire-link',
  ],
  ['enquire_link alone for 599.999 s', { heardAt: 599_999 }, 599_999, undefined],
  ['enquire_link alone for 600 s', { heardAt: 599_999 }, 600_000, 'inactivity-timeout'],
]

describe('what is overdue on a leg', () => {
  it.each(rows)('with %s', (_what, changed, now, overdue) => {
    expect(findOverdue({ ...bound, ...changed }, timers, now)).toBe(overdue)
  })

  it('is never a wish for silence to end when a timer is off', () => {
    const off = { ...timers, inactivityMs: Infinity, enquireLinkMs: Infinity }
    expect(findOverdue(bound, off, 1e12)).toBeUndefined()
  })
})
