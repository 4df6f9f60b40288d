import { describe, expect, test } from 'vitest'
import { emptyBucket, isLocked, unlock, unlockUpTo } from '../../policies/bucket.ts'
import { createTrial, five, minute, start } from './trial.ts'

describe('a lock', () => {
  test('comes with the fifth distinct wrong secret, for 15 minutes', () => {
    const trial = createTrial()
    trial.wrong('a', 'b', 'c', 'd')
    expect(isLocked(trial.state, trial.now)).toBe(false)
    trial.wrong('e')
    expect(trial.lockedFor()).toBe(15 * minute)
    expect(trial.begin('right')).toMatchObject({ outcome: 'locked', until: start + 15 * minute })
  })

  test('ends on the millisecond', () => {
    const trial = createTrial()
    trial.wrong(...five)
    trial.wait(15 * minute - 1)
    expect(trial.begin('right').outcome).toBe('locked')
    trial.wait(1)
    expect(trial.begin('right').outcome).toBe('reserved')
  })

  test('doubles up to 24 hours', () => {
    const trial = createTrial()
    const lengths = Array.from({ length: 9 }, (_, round) => {
      trial.wrong(...five.map((secret) => `${secret}${round}`))
      const length = trial.lockedFor() / minute
      trial.wait(trial.lockedFor())
      return length
    })
    expect(lengths).toEqual([15, 30, 60, 120, 240, 480, 960, 1440, 1440])
  })

  test('doubles for the same five secrets too', () => {
    const trial = createTrial()
    trial.wrong(...five)
    trial.wait(15 * minute)
    trial.wrong(...five)
    expect(trial.lockedFor()).toBe(30 * minute)
  })

  test('starts anew at 15 minutes after a success', () => {
    const trial = createTrial()
    trial.wrong(...five)
    trial.wait(15 * minute)
    expect(trial.succeed(trial.begin('right'))).toBe('cleared')
    trial.wrong(...five)
    expect(trial.lockedFor()).toBe(15 * minute)
  })

  test('lasts until an admin unlocks, where the account says so', () => {
    const trial = createTrial({ untilUnlocked: true })
    trial.wrong(...five)
    trial.wait(400 * 86_400_000)
    expect(trial.begin('right')).toMatchObject({ outcome: 'locked', until: Infinity })
    trial.state = unlock(trial.state)
    expect(trial.begin('right').outcome).toBe('reserved')
  })

  test('comes for good with a hundred failures without a success', () => {
    const trial = createTrial()
    let tried = 0
    while (trial.state.lockedUntil !== Infinity && tried < 200) {
      if (isLocked(trial.state, trial.now)) trial.wait(trial.lockedFor())
      trial.wrong(`secret ${++tried}`)
    }
    expect(tried).toBe(100)
  })

  test('does not come for good when a success lies between', () => {
    const trial = createTrial({ consecutiveLimit: 8 })
    for (let round = 0; round < 10; round++) {
      trial.wrong('a', 'b', 'c')
      trial.succeed(trial.begin('right'))
    }
    expect(trial.state).toEqual(emptyBucket)
  })

  test('does not come for a client that repeats one old password for a year', () => {
    const trial = createTrial()
    for (let round = 0; round < 365 * 24; round++) {
      trial.wrong('old', 'old')
      trial.wait(60 * minute)
    }
    expect(trial.state).toMatchObject({ consecutive: 1, lockedUntil: 0 })
  })

  test('is not shortened by a clock that jumps an hour forward and back', () => {
    const trial = createTrial()
    trial.wrong(...five)
    trial.wait(60 * minute)
    trial.giveBack(trial.begin('right'))
    trial.wrong('f')
    trial.wait(-59 * minute)
    expect(trial.begin('right')).toMatchObject({ outcome: 'locked', until: start + 15 * minute })
  })

  test('comes at once, and visibly, when the limit of failures in a row is lowered', () => {
    const trial = createTrial()
    trial.wrong('a', 'b', 'c')
    trial.rules = { ...trial.rules, consecutiveLimit: 2 }
    expect(trial.wrong('d', 'e')).toEqual(['reserved', 'locked'])
    expect(trial.state.lockedUntil).toBe(Infinity)
  })
})

/** A bucket that was locked at 1,000 for ten seconds and failed again later; one thing changes. */
const locked = { ...emptyBucket, lockedAt: 1_000, lockedUntil: 11_000, locks: 2, consecutive: 10 }
const failedSince = { ...locked, failedAt: 12_000, distinct: ['f'], windowEndsAt: 90_000 }

describe('an unlock that is told late', () => {
  test('clears what was before it', () => {
    expect(unlockUpTo(locked, 1_000)).toEqual(emptyBucket)
    expect(unlockUpTo(failedSince, 12_000)).toEqual(emptyBucket)
  })

  test('leaves a lock that was made since', () => {
    expect(unlockUpTo(locked, 999)).toBe(locked)
  })

  test('leaves the failures since, and ends a lock that was before', () => {
    const left = { ...emptyBucket, failedAt: 12_000, distinct: ['f'], windowEndsAt: 90_000 }
    expect(unlockUpTo(failedSince, 5_000)).toEqual({ ...left, consecutive: 1 })
  })
})
