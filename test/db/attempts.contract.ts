import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AttemptLimits, AttemptRequest, Attempts } from '../../db/attempts.ts'
import { leaseMs } from '../../policies/guess.ts'
import { defaultLockoutRules, type LockoutRules } from '../../policies/lockout.ts'

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

const minute = 60_000

const acme: AttemptRequest = {
  userKey: 'acme',
  existing: true,
  bucket: 'unknown',
  fingerprint: 'right',
  rules: defaultLockoutRules,
  channel: 'http',
  source: '203.0.113.7',
}

const five = ['a', 'b', 'c', 'd', 'e'] as const

const begin = async (attempts: Attempts, change: Partial<AttemptRequest> = {}) =>
  attempts.reserve({ ...acme, ...change })

/** Tries a secret that is wrong; tells how the attempt began and what it led to. */
const wrong = async (
  attempts: Attempts,
  fingerprint: string,
  change: Partial<AttemptRequest> = {},
) => {
  const reservation = await begin(attempts, { ...change, fingerprint })
  return reservation.outcome === 'reserved'
    ? { ...(await attempts.fail(reservation.token)), outcome: 'reserved' }
    : reservation
}

const right = async (attempts: Attempts, change: Partial<AttemptRequest> = {}) => {
  const reservation = await begin(attempts, change)
  return reservation.outcome === 'reserved'
    ? attempts.succeed(reservation.token)
    : reservation.outcome
}

const lockOut = async (attempts: Attempts, change: Partial<AttemptRequest> = {}) => {
  for (const secret of five) await wrong(attempts, secret, change)
}

/** What every attempts store does, wherever it keeps its counters. */
export const attemptsContract = (name: string, create: CreateAttempts): void => {
  describe(name, () => {
    let clock: TestClock
    let attempts: Attempts

    beforeEach(async () => {
      clock = createTestClock()
      attempts = await create(clock, {})
    })
    afterEach(() => attempts.close())

    test('reserves five of 200 distinct secrets at once, whatever the channel (B1)', async () => {
      const channels = ['http', 'smpp', 'web'] as const
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, at) =>
          begin(attempts, { fingerprint: `secret ${at}`, channel: channels[at % 3]! }),
        ),
      )
      const reserved = outcomes.filter((it) => it.outcome === 'reserved')
      expect(reserved).toHaveLength(5)
      expect(outcomes.filter((it) => it.outcome === 'busy')).toHaveLength(195)
      expect(await right(attempts)).toBe('busy')
      const failures = await Promise.all(reserved.map(({ token }) => attempts.fail(token)))
      expect(failures.filter(({ lock }) => lock !== undefined)).toHaveLength(1)
      expect(await right(attempts)).toBe('locked')
    })

    test('reserves nothing more until one of five is resolved', async () => {
      const reservations = await Promise.all(
        five.map((fingerprint) => begin(attempts, { fingerprint })),
      )
      expect(await right(attempts)).toBe('busy')
      const [first] = reservations
      if (first?.outcome !== 'reserved') throw new Error('expected a reservation')
      await attempts.giveBack(first.token)
      expect(await right(attempts)).toBe('cleared')
    })

    test('locks at the fifth distinct failure and says so once', async () => {
      const outcomes = []
      for (const secret of five) outcomes.push(await wrong(attempts, secret))
      expect(outcomes.map((it) => 'lock' in it)).toEqual([false, false, false, false, true])
      expect(outcomes.at(-1)).toMatchObject({
        counted: true,
        lock: {
          userKey: 'acme',
          bucket: 'unknown',
          lockedAt: clock.now(),
          lockedUntil: clock.now() + 15 * minute,
          locks: 1,
          consecutive: 5,
          channels: ['http'],
          sources: ['203.0.113.7'],
        },
      })
    })

    test('refuses while locked, and tells until when, also at once', async () => {
      await lockOut(attempts)
      const until = clock.now() + 15 * minute
      expect(await begin(attempts)).toEqual({ outcome: 'locked', until })
      expect(attempts.lockedUntil('acme', 'unknown')).toBe(until)
      clock.wait(15 * minute)
      expect(attempts.lockedUntil('acme', 'unknown')).toBeUndefined()
      expect(await right(attempts)).toBe('cleared')
    })

    test('doubles a lock that follows a lock', async () => {
      await lockOut(attempts)
      clock.wait(15 * minute)
      await lockOut(attempts)
      expect(attempts.lockedUntil('acme', 'unknown')).toBe(clock.now() + 30 * minute)
    })

    test('locks for good where the account says so', async () => {
      await lockOut(attempts, { rules: { ...acme.rules, untilUnlocked: true } })
      expect(await begin(attempts)).toEqual({ outcome: 'locked', until: Infinity })
      expect(attempts.lockedUntil('acme', 'unknown')).toBe(Infinity)
      expect(await attempts.state('acme')).toMatchObject([{ lockedUntil: Infinity }])
    })

    test('locks for good after a hundred failures without a success', async () => {
      for (let at = 0; at < 100; at++) {
        const until = attempts.lockedUntil('acme', 'unknown')
        if (until !== undefined) clock.wait(until - clock.now())
        await wrong(attempts, `secret ${at}`)
      }
      expect(attempts.lockedUntil('acme', 'unknown')).toBe(Infinity)
    })

    test('sets the end of a window once: failures at 0, 50 and 100 s end at 120 (B3)', async () => {
      const rules: LockoutRules = { ...acme.rules, windowMs: 120_000, limit: 4 }
      for (const secret of ['a', 'b', 'c']) {
        await wrong(attempts, secret, { rules })
        clock.wait(50_000)
      }
      clock.wait(-30_001)
      expect((await begin(attempts, { rules, fingerprint: 'a' })).outcome).toBe('known-wrong')
      clock.wait(1)
      for (const secret of ['d', 'e', 'f']) {
        expect(await wrong(attempts, secret, { rules })).toEqual({
          outcome: 'reserved',
          counted: true,
        })
      }
    })

    test('counts the same wrong secret once in a thousand times (B12)', async () => {
      await wrong(attempts, 'same')
      for (let at = 1; at < 1_000; at++) {
        expect((await wrong(attempts, 'same')).outcome).toBe('known-wrong')
      }
      expect(await attempts.state('acme')).toMatchObject([{ failures: 1 }])
    })

    test('counts the same wrong secret once when it is tried many times at once', async () => {
      const outcomes = await Promise.all(five.map(() => wrong(attempts, 'same')))
      expect(outcomes.filter((it) => 'counted' in it && it.counted)).toHaveLength(1)
      expect(await attempts.state('acme')).toMatchObject([{ failures: 1 }])
    })

    test('permits the right secret fifty times at once and locks nobody (B8)', async () => {
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => right(attempts)))
      expect(new Set(outcomes)).toEqual(new Set(['cleared']))
      expect(await attempts.state('acme')).toEqual([])
    })

    test('counts nothing when an attempt is given back (B9)', async () => {
      for (let at = 0; at < 20; at++) {
        const reservation = await begin(attempts, { fingerprint: `secret ${at}` })
        if (reservation.outcome !== 'reserved') throw new Error('expected a reservation')
        await attempts.giveBack(reservation.token)
      }
      expect(await attempts.state('acme')).toEqual([])
    })

    test('counts a failure once, however often it is told (B10)', async () => {
      const reservation = await begin(attempts, { fingerprint: 'a' })
      if (reservation.outcome !== 'reserved') throw new Error('expected a reservation')
      expect(await attempts.fail(reservation.token)).toEqual({ counted: true })
      expect(await attempts.fail(reservation.token)).toEqual({ counted: false })
      expect(await attempts.state('acme')).toMatchObject([{ failures: 1 }])
    })

    test('frees the places of a process that died, and lets its success lapse', async () => {
      const reservations = await Promise.all(
        five.map((fingerprint) => begin(attempts, { fingerprint })),
      )
      clock.wait(leaseMs)
      const [first] = reservations
      if (first?.outcome !== 'reserved') throw new Error('expected a reservation')
      expect(await attempts.succeed(first.token)).toBe('lapsed')
      expect(await right(attempts)).toBe('cleared')
    })

    test('keeps a known source open while the unknown ones are locked (B13)', async () => {
      for (let hour = 0; hour < 24; hour++) {
        await lockOut(attempts, { source: `198.51.100.${hour}` })
        expect(await right(attempts, { bucket: '203.0.113.7' })).toBe('cleared')
        expect(attempts.lockedUntil('acme', '203.0.113.7')).toBeUndefined()
        clock.wait(60 * minute)
      }
    })

    test('clears by a success the bucket that it came in by, and no other', async () => {
      await wrong(attempts, 'a', { bucket: 'unknown' })
      await wrong(attempts, 'a', { bucket: '203.0.113.7' })
      await right(attempts, { bucket: '203.0.113.7' })
      expect(await attempts.state('acme')).toMatchObject([{ bucket: 'unknown', failures: 1 }])
    })

    test('keeps users apart', async () => {
      await lockOut(attempts)
      expect(await right(attempts, { userKey: 'other' })).toBe('cleared')
    })

    test('counts on a name that is no user as on a user', async () => {
      await lockOut(attempts, { userKey: 'nobody', existing: false })
      expect(await right(attempts, { userKey: 'nobody', existing: false })).toBe('locked')
      expect(attempts.lockedUntil('nobody', 'unknown')).toBe(clock.now() + 15 * minute)
    })

    test('shows an admin each bucket with its failures, channels, sources and lock', async () => {
      await lockOut(attempts)
      await wrong(attempts, 'a', { bucket: '192.0.2.1', channel: 'smpp', source: '192.0.2.1' })
      const buckets = [...(await attempts.state('acme'))]
      expect(buckets.sort((one, other) => (one.bucket < other.bucket ? -1 : 1))).toEqual([
        { bucket: '192.0.2.1', failures: 1, channels: ['smpp'], sources: ['192.0.2.1'] },
        {
          bucket: 'unknown',
          failures: 5,
          lockedAt: clock.now(),
          lockedUntil: clock.now() + 15 * minute,
          channels: ['http'],
          sources: ['203.0.113.7'],
        },
      ])
    })

    test('forgets every bucket of a user when an admin unlocks', async () => {
      await lockOut(attempts)
      await lockOut(attempts, { bucket: '203.0.113.7' })
      await lockOut(attempts, { userKey: 'other' })
      await attempts.unlock('acme')
      expect(await attempts.state('acme')).toEqual([])
      expect(attempts.lockedUntil('acme', 'unknown')).toBeUndefined()
      expect(await right(attempts)).toBe('cleared')
      expect(attempts.lockedUntil('other', 'unknown')).toBeDefined()
    })

    test('takes back a lock that was written down, and doubles on from it', async () => {
      const until = clock.now() + 7 * minute
      await attempts.restore({
        userKey: 'acme',
        bucket: 'unknown',
        lockedAt: clock.now() - 8 * minute,
        lockedUntil: until,
        locks: 1,
        consecutive: 5,
        channels: ['smpp'],
        sources: ['198.51.100.1'],
      })
      expect(await begin(attempts)).toEqual({ outcome: 'locked', until })
      expect(attempts.lockedUntil('acme', 'unknown')).toBe(until)
      clock.wait(7 * minute)
      await lockOut(attempts)
      expect(attempts.lockedUntil('acme', 'unknown')).toBe(clock.now() + 30 * minute)
    })

    test('gives the sources of a user beyond a number the bucket of the unknown ones', async () => {
      const few = await create(clock, { bucketsPerUser: 3 })
      for (let at = 0; at < 3; at++) await wrong(few, 'a', { bucket: `192.0.2.${at}` })
      for (let at = 3; at < 8; at++) await wrong(few, `secret ${at}`, { bucket: `192.0.2.${at}` })
      expect(await right(few, { bucket: '192.0.2.99' })).toBe('locked')
      expect(few.lockedUntil('acme', '192.0.2.99')).toBeDefined()
      expect(await right(few, { bucket: '192.0.2.1' })).toBe('cleared')
      await few.close()
    })

    test('blocks a source at its budget until the window that the first refusal opened ends', async () => {
      const small = await create(clock, { sourceRefusals: 3, sourceWindowMs: 120_000 })
      const ends = clock.now() + 120_000
      expect(await small.countSource('192.0.2.1')).toEqual({ count: 1 })
      clock.wait(50_000)
      expect(await small.countSource('192.0.2.1')).toEqual({ count: 2 })
      expect(small.sourceBlockedUntil('192.0.2.1')).toBeUndefined()
      clock.wait(50_000)
      expect(await small.countSource('192.0.2.1')).toEqual({ count: 3, blockedUntil: ends })
      expect(small.sourceBlockedUntil('192.0.2.1')).toBe(ends)
      expect(small.sourceBlockedUntil('192.0.2.2')).toBeUndefined()
      clock.wait(20_000)
      expect(small.sourceBlockedUntil('192.0.2.1')).toBeUndefined()
      expect(await small.countSource('192.0.2.1')).toEqual({ count: 1 })
      await small.close()
    })

    test('leaves the budget of a source as it is when someone succeeds there (B5)', async () => {
      await attempts.countSource('203.0.113.7')
      await right(attempts)
      expect(await attempts.countSource('203.0.113.7')).toEqual({ count: 2 })
    })
  })
}
