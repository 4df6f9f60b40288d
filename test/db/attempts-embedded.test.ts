import { expect, test } from 'vitest'
import { createEmbeddedAttempts } from '../../db/attempts-embedded.ts'
import { createBucketMemory } from '../../db/attempts-memory.ts'
import type { AttemptLimits, AttemptRequest, Attempts } from '../../db/attempts.ts'
import { createSourceBudget } from '../../db/source-budget.ts'
import { emptyBucket } from '../../policies/bucket.ts'
import { defaultLockoutRules } from '../../policies/lockout.ts'
import { attemptsBucketsContract } from './attempts-buckets.contract.ts'
import { attemptsContract } from './attempts.contract.ts'
import { createTestClock, type TestClock } from './attempts-trial.ts'

const create = ({ now, elapsed }: TestClock, limits: Partial<AttemptLimits> = {}): Attempts =>
  createEmbeddedAttempts({ now, elapsed, limits })

attemptsContract('the embedded attempts store', create)
attemptsBucketsContract('the embedded attempts store', create)

const request = (change: Partial<AttemptRequest>): AttemptRequest => ({
  userKey: 'acme',
  existing: true,
  bucket: 'unknown',
  fingerprint: 'a',
  rules: defaultLockoutRules,
  channel: 'http',
  source: '203.0.113.7',
  ...change,
})

const wrong = async (attempts: Attempts, change: Partial<AttemptRequest>): Promise<void> => {
  const reservation = await attempts.reserve(request(change))
  if (reservation.outcome === 'reserved') await attempts.fail(reservation.token)
}

const lockOut = async (attempts: Attempts, change: Partial<AttemptRequest>): Promise<void> => {
  for (const fingerprint of ['a', 'b', 'c', 'd', 'e'])
    await wrong(attempts, { ...change, fingerprint })
}

test('lets no lock of a user go for a million random names from one /64 (B11)', async () => {
  const clock = createTestClock()
  const attempts = create(clock)
  const source = '2001:db8:0:1::/64'
  await lockOut(attempts, {})
  await wrong(attempts, { userKey: 'counted' })
  for (let at = 0; at < 1_000_000; at++) {
    await wrong(attempts, { userKey: `name ${at}`, existing: false, source })
    await attempts.countSource(source)
  }
  expect(attempts.lockedUntil('acme', 'unknown')).toBeDefined()
  expect(await attempts.state('counted')).toMatchObject([{ failures: 1 }])
  expect(await attempts.state('name 0')).toEqual([])
  expect(attempts.sourceBlockedUntil(source)).toBeDefined()
})

const failed = { ...emptyBucket, consecutive: 1, failedAt: 1_000 }
const locked = { ...failed, lockedUntil: 9_000 }

const sizeAfter = (keepsLocks: boolean, state: typeof failed): number => {
  const memory = createBucketMemory({ limit: 100, perUser: 4, keepsLocks })
  for (let at = 0; at < 10_000; at++) memory.put(`user ${at}`, 'unknown', state, 1_000)
  return memory.size()
}

test.each([
  ['users: counters are let go', true, failed, 100],
  ['users: locks are kept beyond the limit', true, locked, 10_000],
  ['names: locks are let go too', false, locked, 100],
])('memory of %s', (_, keepsLocks, state, size) => {
  expect(sizeAfter(keepsLocks, state)).toBe(size)
})

test('lets go of counters before locks, of the oldest first, and of locks that are over', () => {
  const memory = createBucketMemory({ limit: 3, perUser: 4, keepsLocks: true })
  const held = () =>
    ['locked', 'old', 'new', 'newer', 'newest'].filter((it) => memory.of(it).length)
  memory.put('locked', 'unknown', locked, 1_000)
  memory.put('old', 'unknown', failed, 1_000)
  memory.put('new', 'unknown', failed, 1_000)
  memory.put('old', 'unknown', failed, 1_000)
  memory.put('newer', 'unknown', failed, 1_000)
  expect(held()).toEqual(['locked', 'old', 'newer'])
  memory.put('newest', 'unknown', failed, 9_000)
  memory.put('new', 'unknown', failed, 9_000)
  expect(memory.size()).toBe(3)
  memory.put('newer', 'unknown', failed, 9_000)
  memory.put('old', 'unknown', failed, 9_000)
  expect(held()).not.toContain('locked')
})

test('lets go of a bucket that holds nothing', () => {
  const memory = createBucketMemory({ limit: 3, perUser: 4, keepsLocks: true })
  memory.put('acme', 'unknown', failed, 1_000)
  memory.put('acme', 'unknown', emptyBucket, 1_000)
  expect(memory.size()).toBe(0)
})

test('bounds the sources, and keeps those that are blocked', () => {
  const budget = createSourceBudget({ sources: 100, sourceRefusals: 2, sourceWindowMs: 1_000 })
  budget.count('blocked', 0)
  budget.count('blocked', 0)
  for (let at = 0; at < 100_000; at++) budget.count(`source ${at}`, 500)
  expect(budget.size()).toBeLessThanOrEqual(101)
  expect(budget.blockedUntil('blocked', 500)).toBe(1_000)
})

test('lets go of windows that are over as others open', () => {
  const budget = createSourceBudget({ sources: 1_000, sourceRefusals: 2, sourceWindowMs: 1_000 })
  for (let at = 0; at < 500; at++) budget.count(`source ${at}`, 0)
  for (let at = 0; at < 100; at++) budget.count(`later ${at}`, 1_000)
  expect(budget.size()).toBe(100)
})

/** A machine whose clock is set: `now` jumps by this much while time goes on evenly. */
const createSetClock = () => {
  const clock = { ...createTestClock(), jumped: 0 }
  return Object.assign(clock, {
    now: () => 1_700_000_000_000 + clock.elapsed() + clock.jumped,
  })
}

test.each([
  ['forward', 3_600_000],
  ['back', -3_600_000],
])('times a lock by what has passed when the clock is set an hour %s (I8)', async (_, jump) => {
  const clock = createSetClock()
  const attempts = createEmbeddedAttempts({ now: () => clock.now(), elapsed: clock.elapsed })
  await lockOut(attempts, {})
  clock.wait(60_000)
  clock.jumped = jump
  expect(attempts.lockedUntil('acme', 'unknown')).toBe(clock.now() + 14 * 60_000)
  expect(await attempts.state('acme')).toMatchObject([{ lockedAt: clock.now() - 60_000 }])
  clock.jumped = 0
  expect(attempts.lockedUntil('acme', 'unknown')).toBe(clock.now() + 14 * 60_000)
  clock.jumped = jump
  clock.wait(14 * 60_000)
  expect(attempts.lockedUntil('acme', 'unknown')).toBeUndefined()
})
