import type { StoreClock } from './attempts-steps.ts'

/** The time of Redis, which is the same for all nodes whatever their own clocks say. */
export type RedisClock = StoreClock & {
  /** What Redis said its time was, to a question that was asked at that moment of `elapsed`. */
  readonly heard: (time: number, askedAt: number) => void
  /** Sent along with a time that was guessed: how far it may be from that of Redis (ms). */
  readonly toleranceMs: number
}

export type RedisClockOptions = {
  readonly now: () => number
  readonly elapsed: () => number
  /** Takes the place of the clock of Redis, so that a test can let time pass. */
  readonly sharedNow?: (() => number) | undefined
}

/** Further apart, and what was judged by a guessed time is judged again. */
const TOLERANCE_MS = 250

export const createRedisClock = ({ now, elapsed, sharedNow }: RedisClockOptions): RedisClock => {
  let offset = now() - elapsed()
  const steady = sharedNow ?? ((): number => Math.round(offset + elapsed()))
  return {
    steady,
    fromSteady: (at) => (at === Infinity ? at : Math.ceil(at - steady() + now())),
    toSteady: (at) => (at === Infinity ? at : Math.round(at - now() + steady())),
    toleranceMs: sharedNow === undefined ? TOLERANCE_MS : -1,
    heard: (time, askedAt) => {
      const answeredAt = elapsed()
      const heard = time - (askedAt + answeredAt) / 2
      // Within what the way there and back leaves open nothing better is known than before.
      if (Math.abs(heard - offset) > (answeredAt - askedAt) / 2 + 1) offset = heard
    },
  }
}
