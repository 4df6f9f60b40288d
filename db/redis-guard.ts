import { createBreaker } from './breaker.ts'
import { RedisFailure } from './redis-failures.ts'
import type { SharedRedis } from './redis.ts'
import type { Random } from './secrets.ts'

/** Redis behind a breaker: while it is away, whoever asks is told so at once. */
export type GuardedRedis = Pick<SharedRedis, 'key' | 'run'> & {
  /** Redis is away: decide by what this process knows. */
  readonly isAway: () => boolean
  /** Told when Redis goes away (true) and when it is back (false). */
  readonly listen: (listener: (isAway: boolean) => void) => void
  readonly close: () => Promise<void>
}

export type GuardOptions = {
  readonly redis: SharedRedis
  /** Ms that never run backwards. */
  readonly elapsed: () => number
  readonly random: Random
}

/** How often it is looked whether a probe is due. */
const LOOK_MS = 25

/** Takes the connection over: closing the guard closes it. */
export const createGuard = ({ redis, elapsed, random }: GuardOptions): GuardedRedis => {
  const breaker = createBreaker({ random })

  /** Only a write that works shows that writes work. */
  const probe = async (): Promise<void> => {
    if (!breaker.takeProbe(elapsed())) return
    try {
      await redis.probe()
      breaker.probed(true, elapsed())
    } catch {
      breaker.probed(false, elapsed())
    }
  }
  const look = setInterval(() => {
    if (!redis.isReady()) breaker.lost(elapsed())
    void probe()
  }, LOOK_MS).unref()

  return {
    key: redis.key,
    run: async (...asked) => {
      if (!redis.isReady()) breaker.lost(elapsed())
      if (breaker.isOpen()) throw new RedisFailure('is away')
      try {
        const answer = await redis.run(...asked)
        breaker.succeeded()
        return answer
      } catch (error) {
        if (error instanceof RedisFailure && error.isSaid) breaker.lost(elapsed())
        else breaker.failed(elapsed())
        throw error
      }
    },
    isAway: breaker.isOpen,
    listen: breaker.listen,
    close: async () => {
      clearInterval(look)
      await redis.close()
    },
  }
}
