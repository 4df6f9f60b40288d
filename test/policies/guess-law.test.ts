import fc from 'fast-check'
import { expect, test } from 'vitest'
import { emptyBucket, unlock, type BucketState } from '../../policies/bucket.ts'
import { fail, giveBack, leaseMs, reserve, succeed } from '../../policies/guess.ts'
import { defaultLockoutRules } from '../../policies/lockout.ts'

const rules = { ...defaultLockoutRules, limit: 3, windowMs: 100_000, lockMs: 120_000 }
const origin = { channel: 'web', source: '192.0.2.1' } as const

type Command =
  | { readonly do: 'begin'; readonly secret: number }
  | { readonly do: 'fail' | 'give back' | 'succeed'; readonly which: number }
  | { readonly do: 'unlock' }
  | { readonly do: 'wait'; readonly ms: number }

const which = fc.nat({ max: 20 })
const begin = fc.record({ do: fc.constant('begin' as const), secret: fc.nat({ max: 9 }) })
const failing = fc.record({ do: fc.constant('fail' as const), which })
const givingBack = fc.record({ do: fc.constant('give back' as const), which })
const succeeding = fc.record({ do: fc.constant('succeed' as const), which })
const unlocking = fc.record({ do: fc.constant('unlock' as const) })
const waiting = (min: number) =>
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min, max: 150_000 }) })

/** Nothing of a state may be written to: each step answers a new one. */
const frozen = (state: BucketState): BucketState => {
  for (const part of Object.values(state)) Object.freeze(part)
  return Object.freeze(state)
}

type World = {
  state: BucketState
  now: number
  attempts: { holder: string; fingerprint: string }[]
}

type Heard = { readonly outcome?: string; readonly counted?: boolean; readonly locked?: boolean }

const obey = (world: World, command: Command, name: string): Heard => {
  const { state, now } = world
  if (command.do === 'wait') {
    world.now += command.ms
    return {}
  }
  if (command.do === 'unlock') {
    world.state = unlock(state)
    return {}
  }
  if (command.do === 'begin') {
    const attempt = { holder: name, fingerprint: `secret ${command.secret}` }
    const heard = reserve(state, attempt, now, rules)
    world.state = frozen(heard.state)
    if (heard.outcome === 'reserved') world.attempts.push(attempt)
    return heard
  }
  const [attempt] = world.attempts.splice(command.which % (world.attempts.length || 1), 1)
  if (attempt === undefined) return {}
  if (command.do === 'give back') {
    world.state = frozen(giveBack(state, attempt.holder, now))
    return {}
  }
  const heard =
    command.do === 'fail'
      ? fail(state, { ...attempt, ...origin }, now, rules)
      : succeed(state, attempt.holder, now)
  world.state = frozen(heard.state)
  return heard
}

const run = (
  commands: readonly Command[],
  check: (world: World, before: World, heard: Heard, command: Command) => void,
): void => {
  const world: World = { state: frozen({ ...emptyBucket }), now: 1_000_000, attempts: [] }
  commands.forEach((command, at) => {
    const before = { ...world, attempts: [...world.attempts] }
    check(world, before, obey(world, command, String(at)), command)
  })
}

const runs = { numRuns: 500, seed: 20_240_611 } as const
const long = { maxLength: 120, size: 'max' } as const
const short = fc.record({ do: fc.constant('wait' as const), ms: fc.nat({ max: 5_000 }) })
const forward = fc.array(
  fc.oneof(begin, begin, begin, failing, failing, givingBack, short, waiting(0)),
  long,
)

const inFlight = ({ state, now }: World): number => {
  const live = state.pending.filter((holding) => holding.leaseEndsAt > now)
  return new Set(live.map((it) => it.fingerprint).filter((it) => !state.distinct.includes(it))).size
}

test('a place for a further secret is given only within the limit, whatever the order', () => {
  fc.assert(
    fc.property(forward, (commands) => {
      run(commands, (world, before, heard, command) => {
        const isShared = inFlight(world) === inFlight({ ...before, now: world.now })
        if (command.do !== 'begin' || heard.outcome !== 'reserved' || isShared) return
        expect(world.state.distinct.length + inFlight(world)).toBeLessThanOrEqual(rules.limit)
      })
    }),
    runs,
  )
})

test('windows and locks are those of a model that only sees what was counted', () => {
  fc.assert(
    fc.property(forward, (commands) => {
      const model = { opened: -Infinity, count: 0, lockedUntil: 0, locks: 0 }
      run(commands, ({ now }, _, heard) => {
        if (heard.outcome !== undefined) {
          expect(heard.outcome === 'locked').toBe(model.lockedUntil > now)
        }
        if (heard.counted !== true) return
        expect(model.lockedUntil).toBeLessThanOrEqual(now)
        if (now >= model.opened + rules.windowMs) Object.assign(model, { opened: now, count: 0 })
        model.count++
        expect(heard.locked).toBe(model.count === rules.limit)
        if (model.count < rules.limit) return
        model.lockedUntil = now + Math.min(rules.lockMs * 2 ** model.locks, rules.maxLockMs)
        Object.assign(model, { opened: -Infinity, locks: model.locks + 1 })
      })
    }),
    runs,
  )
})

test('no more secrets are answered in any span of a window than end one and begin the next', () => {
  fc.assert(
    fc.property(forward, (commands) => {
      const began = new Map<string, number>()
      const answered: { readonly at: number; readonly fingerprint: string }[] = []
      run(commands, (world, before, heard, command) => {
        const at = world.now
        if (heard.outcome === 'reserved') began.set(world.attempts.at(-1)!.holder, at)
        const ended = before.attempts.find((it) => !world.attempts.includes(it))
        if (command.do !== 'fail' || ended === undefined) return
        if (at - began.get(ended.holder)! < leaseMs) answered.push({ ...ended, at })
      })
      for (const { at: from } of answered) {
        const span = answered.filter(({ at }) => at >= from && at < from + rules.windowMs)
        const secrets = new Set(span.map(({ fingerprint }) => fingerprint))
        expect(secrets.size).toBeLessThanOrEqual(2 * rules.limit - 1)
      }
    }),
    runs,
  )
})

test('a window that is open keeps its end', () => {
  fc.assert(
    fc.property(forward, (commands) => {
      run(commands, ({ state, now }, before) => {
        const open = before.state.distinct.length > 0 && before.state.windowEndsAt > now
        if (!open || state.distinct.length === 0) return
        expect(state.windowEndsAt).toBe(before.state.windowEndsAt)
      })
    }),
    runs,
  )
})

test('a lock is shortened by a success or an unlock and by nothing else, whatever the clock does', () => {
  const anything = fc.oneof(
    begin,
    begin,
    failing,
    failing,
    givingBack,
    succeeding,
    waiting(-150_000),
  )
  fc.assert(
    fc.property(fc.array(anything, long), (commands) => {
      run(commands, ({ state }, before, _, command) => {
        if (command.do === 'succeed') return
        expect(state.lockedUntil).toBeGreaterThanOrEqual(before.state.lockedUntil)
      })
    }),
    runs,
  )
})

test('after a success or an unlock nothing is left but what is in flight', () => {
  const anything = fc.oneof(begin, failing, givingBack, succeeding, unlocking, waiting(0))
  fc.assert(
    fc.property(fc.array(anything, long), (commands) => {
      run(commands, ({ state }, before, heard, command) => {
        if (command.do !== 'unlock' && heard.outcome !== 'cleared') return
        expect({ ...state, pending: [] }).toEqual(emptyBucket)
        expect(before.state.pending).toEqual(expect.arrayContaining([...state.pending]))
      })
    }),
    runs,
  )
})
