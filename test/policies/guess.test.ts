import { describe, expect, test } from 'vitest'
import { emptyBucket, isForgettable, rememberMs, restore, unlock } from '../../policies/bucket.ts'
import { fail, leaseMs, reserve } from '../../policies/guess.ts'
import { createTrial, five, minute, start } from './trial.ts'

describe('a window', () => {
  test('begins with its first failure and is never extended', () => {
    const trial = createTrial({ windowMs: 120_000, limit: 4 })
    for (const at of [0, 50_000, 100_000]) {
      trial.now = start + at
      trial.wrong(`secret at ${at}`)
      expect(trial.state.windowEndsAt).toBe(start + 120_000)
    }
    trial.now = start + 120_000
    trial.wrong('x', 'y', 'z')
    expect(trial.state).toMatchObject({ distinct: ['x', 'y', 'z'], lockedUntil: 0 })
    expect(trial.state.windowEndsAt).toBe(start + 240_000)
  })

  test('counts the same wrong secret once, and tells that it is known to be wrong', () => {
    const trial = createTrial()
    const outcomes = trial.wrong(...Array.from({ length: 1_000 }, () => 'same'))
    expect(outcomes.filter((outcome) => outcome === 'reserved')).toHaveLength(1)
    expect(new Set(outcomes.slice(1))).toEqual(new Set(['known-wrong']))
    expect(trial.state).toMatchObject({ consecutive: 1, lockedUntil: 0 })
  })
})

describe('attempts at once', () => {
  test('are reserved up to the limit, and the right one among the rest is busy', () => {
    const trial = createTrial()
    const attempts = Array.from({ length: 200 }, (_, at) => trial.begin(`secret ${at}`))
    const reserved = attempts.filter(({ outcome }) => outcome === 'reserved')
    expect(reserved).toHaveLength(5)
    expect(trial.begin('right').outcome).toBe('busy')
    for (const attempt of reserved) trial.fail(attempt)
    expect(trial.begin('right').outcome).toBe('locked')
  })

  test('leave room for what is left of the window', () => {
    const trial = createTrial()
    trial.wrong('a', 'b', 'c')
    expect(['d', 'e', 'f'].map((secret) => trial.begin(secret).outcome)).toEqual([
      'reserved',
      'reserved',
      'busy',
    ])
  })

  test('with one secret share one place and count once', () => {
    const trial = createTrial()
    const attempts = Array.from({ length: 6 }, () => trial.begin('same'))
    expect(attempts.every(({ outcome }) => outcome === 'reserved')).toBe(true)
    expect(attempts.map((attempt) => trial.fail(attempt).counted)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
    ])
    expect(trial.state).toMatchObject({ distinct: ['same'], pending: [] })
  })

  test('with the right secret all succeed, however many', () => {
    const trial = createTrial()
    const attempts = Array.from({ length: 20 }, () => trial.begin('right'))
    expect(attempts.map((attempt) => trial.succeed(attempt))).toEqual(attempts.map(() => 'cleared'))
    expect(trial.state).toEqual(emptyBucket)
  })

  test('with the fifth wrong secret count nothing once one of them has locked', () => {
    const trial = createTrial()
    trial.wrong('a', 'b', 'c', 'd')
    const [one, other] = [trial.begin('e'), trial.begin('e')]
    expect(trial.fail(one)).toMatchObject({ counted: true, locked: true })
    expect(trial.fail(other)).toMatchObject({ counted: false, locked: false })
    expect(trial.state).toMatchObject({ locks: 1, consecutive: 5, distinct: [] })
  })

  test('never exceed the failures in a row that are left', () => {
    const trial = createTrial({ limit: 5, consecutiveLimit: 2 })
    expect(['a', 'b', 'c'].map((secret) => trial.begin(secret).outcome)).toEqual([
      'reserved',
      'reserved',
      'busy',
    ])
  })
})

describe('a reservation', () => {
  test('that is given back counts nothing and frees its place', () => {
    const trial = createTrial({ limit: 1 })
    const attempt = trial.begin('a')
    expect(trial.begin('b').outcome).toBe('busy')
    trial.giveBack(attempt)
    expect(trial.begin('b').outcome).toBe('reserved')
    expect(trial.state.consecutive).toBe(0)
  })

  test('of a process that died frees its place when the lease ends', () => {
    const trial = createTrial({ limit: 1 })
    trial.begin('a')
    trial.wait(leaseMs - 1)
    expect(trial.begin('b').outcome).toBe('busy')
    trial.wait(1)
    expect(trial.begin('b').outcome).toBe('reserved')
  })

  test('that took too long lapses: a right secret clears nothing, a wrong one counts', () => {
    const trial = createTrial()
    trial.wrong('a')
    const [right, wrong] = [trial.begin('right'), trial.begin('wrong')]
    trial.wait(leaseMs)
    expect(trial.succeed(right)).toBe('lapsed')
    expect(trial.fail(wrong).counted).toBe(true)
    expect(trial.state.distinct).toEqual(['a', 'wrong'])
  })

  test('that was under way when a lock came from elsewhere lapses, and the lock stays', () => {
    const trial = createTrial()
    const right = trial.begin('right')
    const lockedUntil = trial.now + minute
    const lock = { lockedAt: trial.now, lockedUntil, locks: 1, consecutive: 5 }
    trial.state = restore(trial.state, { ...lock, channels: [], sources: [] })
    expect(trial.succeed(right)).toBe('lapsed')
    expect(trial.state).toMatchObject({ lockedUntil, pending: [] })
  })

  test('is one, however often the same step is sent', () => {
    const trial = createTrial()
    const attempt = trial.begin('a')
    const again = reserve(trial.state, attempt, trial.now, trial.rules)
    expect(again).toMatchObject({ outcome: 'reserved', state: { pending: [{ holder: '1' }] } })
    expect([trial.fail(attempt), trial.fail(attempt)].map(({ counted }) => counted)).toEqual([
      true,
      false,
    ])
  })

  test('outlives an unlock, so that unlocking gives nobody more guesses at once', () => {
    const trial = createTrial({ limit: 2 })
    trial.begin('a')
    trial.begin('b')
    trial.state = unlock(trial.state)
    expect(trial.begin('c').outcome).toBe('busy')
  })
})

describe('memory', () => {
  test('keeps what was counted for 30 days, and locks for as long as they last', () => {
    const trial = createTrial()
    expect(isForgettable(trial.state, trial.now)).toBe(true)
    trial.wrong('a')
    expect(isForgettable(trial.state, trial.now + rememberMs - 1)).toBe(false)
    expect(isForgettable(trial.state, trial.now + rememberMs)).toBe(true)
    trial.rules = { ...trial.rules, untilUnlocked: true }
    trial.wrong('b', 'c', 'd', 'e')
    expect(isForgettable(trial.state, trial.now + 100 * rememberMs)).toBe(false)
  })

  test('names the channels and the ten newest sources of the failures', () => {
    const trial = createTrial({ limit: 50 })
    for (let at = 0; at < 12; at++) {
      const source = `192.0.2.${at % 11}`
      const channel = at % 2 === 0 ? 'smpp' : 'web'
      const attempted = { holder: '0', fingerprint: `secret ${at}`, channel, source } as const
      trial.state = fail(trial.state, attempted, trial.now, trial.rules).state
    }
    expect(trial.state.channels).toEqual(['smpp', 'web'])
    expect(trial.state.sources).toHaveLength(10)
    expect(trial.state.sources.at(-1)).toBe('192.0.2.0')
  })

  test('takes back a written lock, and never for a shorter one', () => {
    const trial = createTrial()
    trial.wrong(...five)
    const written = trial.state
    const fresh = restore(emptyBucket, written)
    expect(
      reserve(fresh, { holder: '1', fingerprint: 'right' }, trial.now, trial.rules),
    ).toMatchObject({ outcome: 'locked', until: start + 15 * minute })
    const shorter = { ...written, lockedUntil: start + 1, locks: 0, consecutive: 0 }
    expect(restore(fresh, shorter)).toEqual(fresh)
  })
})
