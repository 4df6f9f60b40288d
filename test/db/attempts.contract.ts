import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Attempts } from '../../db/attempts.ts'
import { leaseMs } from '../../policies/guess.ts'
import type { LockoutRules } from '../../policies/lockout.ts'
import {
  acme,
  begin,
  createTestClock,
  five,
  lockOut,
  minute,
  right,
  wrong,
  type CreateAttempts,
  type TestClock,
} from './attempts-trial.ts'

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
  })
}
