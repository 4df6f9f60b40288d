import { RedisFailure } from '../../db/redis-failures.ts'
import type { GuardedRedis } from '../../db/redis-guard.ts'

/** How a node finds Redis: there, away, or at work without a word of it. */
export type Gate = 'open' | 'shut' | 'deaf'

/** A node's connection that is lost and found again in no time, as the breaker would have it. */
export type GatedRedis = {
  readonly redis: GuardedRedis
  readonly set: (gate: Gate) => void
}

export const createGatedRedis = (real: GuardedRedis): GatedRedis => {
  const listeners: ((isAway: boolean) => void)[] = []
  let gate: Gate = 'open'
  return {
    redis: {
      key: real.key,
      run: async (...asked) => {
        if (gate === 'shut') throw new RedisFailure('is away')
        const answer = await real.run(...asked)
        if (gate === 'deaf') throw new RedisFailure('does not answer in time')
        return answer
      },
      isAway: () => gate === 'shut',
      listen: (listener) => {
        listeners.push(listener)
      },
      close: real.close,
    },
    set: (next) => {
      const isChange = (next === 'shut') !== (gate === 'shut')
      gate = next
      if (isChange) for (const listener of listeners) listener(gate === 'shut')
    },
  }
}
