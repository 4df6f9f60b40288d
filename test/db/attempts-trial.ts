import type { AttemptLimits, AttemptRequest, Attempts } from '../../db/attempts.ts'
import { defaultLockoutRules } from '../../policies/lockout.ts'

/** A clock that stands until it is moved; `now` alone jumps when someone sets the machine's. */
export type TestClock = {
  readonly now: () => number
  readonly elapsed: () => number
  readonly wait: (ms: number) => void
}

export const createTestClock = (): TestClock => {
  let passed = 0
  return {
    now: () => 1_700_000_000_000 + passed,
    elapsed: () => 5_000 + passed,
    wait: (ms) => {
      passed += ms
    },
  }
}

/** Makes an empty store on a clock; it is closed after each test. */
export type CreateAttempts = (
  clock: TestClock,
  limits: Partial<AttemptLimits>,
) => Attempts | Promise<Attempts>

export const minute = 60_000

export const acme: AttemptRequest = {
  userKey: 'acme',
  existing: true,
  bucket: 'unknown',
  fingerprint: 'right',
  rules: defaultLockoutRules,
  channel: 'http',
  source: '203.0.113.7',
}

export const five = ['a', 'b', 'c', 'd', 'e'] as const

export const begin = async (attempts: Attempts, change: Partial<AttemptRequest> = {}) =>
  attempts.reserve({ ...acme, ...change })

/** Tries a secret that is wrong; tells how the attempt began and what it led to. */
export const wrong = async (
  attempts: Attempts,
  fingerprint: string,
  change: Partial<AttemptRequest> = {},
) => {
  const reservation = await begin(attempts, { ...change, fingerprint })
  return reservation.outcome === 'reserved'
    ? { ...(await attempts.fail(reservation.token)), outcome: 'reserved' }
    : reservation
}

export const right = async (attempts: Attempts, change: Partial<AttemptRequest> = {}) => {
  const reservation = await begin(attempts, change)
  return reservation.outcome === 'reserved'
    ? attempts.succeed(reservation.token)
    : reservation.outcome
}

export const lockOut = async (attempts: Attempts, change: Partial<AttemptRequest> = {}) => {
  for (const secret of five) await wrong(attempts, secret, change)
}
