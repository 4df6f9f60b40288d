import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Attempts } from '../../db/attempts.ts'
import {
  begin,
  createTestClock,
  lockOut,
  minute,
  right,
  wrong,
  type CreateAttempts,
  type TestClock,
} from './attempts-trial.ts'

/** What every attempts store does beyond one bucket: sources, users, admins and budgets. */
export const attemptsBucketsContract = (name: string, create: CreateAttempts): void => {
  describe(`${name}, bucket by bucket`, () => {
    let clock: TestClock
    let attempts: Attempts

    beforeEach(async () => {
      clock = createTestClock()
      attempts = await create(clock, {})
    })
    afterEach(() => attempts.close())

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
      await attempts.unlock('acme', clock.now())
      expect(await attempts.state('acme')).toEqual([])
      expect(attempts.lockedUntil('acme', 'unknown')).toBeUndefined()
      expect(await right(attempts)).toBe('cleared')
      expect(attempts.lockedUntil('other', 'unknown')).toBeDefined()
    })

    test('keeps what was counted since an unlock that it hears of late', async () => {
      await lockOut(attempts)
      await wrong(attempts, 'a', { bucket: '192.0.2.1' })
      clock.wait(16 * minute)
      await lockOut(attempts)
      const unlockedAt = clock.now() - 10_000
      await wrong(attempts, 'b', { bucket: '192.0.2.1' })
      await attempts.unlock('acme', unlockedAt)
      expect(await right(attempts)).toBe('locked')
      expect(await attempts.state('acme')).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ bucket: '192.0.2.1', failures: 1 }),
          expect.objectContaining({ bucket: 'unknown', lockedUntil: clock.now() + 30 * minute }),
        ]),
      )
    })

    test('forgets no more by a second word of one unlock', async () => {
      await lockOut(attempts)
      const unlockedAt = clock.now()
      await attempts.unlock('acme', unlockedAt)
      clock.wait(3_000)
      await lockOut(attempts)
      await attempts.unlock('acme', unlockedAt)
      expect(await right(attempts)).toBe('locked')
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
