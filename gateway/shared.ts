import type { Logger } from 'pino'
import { createBroadcast, type Broadcast } from '../db/broadcast.ts'
import { createRedis } from '../db/redis.ts'
import { createGuard, type GuardedRedis } from '../db/redis-guard.ts'
import type { RedisSettings } from './settings-value.ts'
import type { System } from './system.ts'

/** What all nodes share beside the directory. */
export type Shared = {
  readonly redis: GuardedRedis
  readonly broadcast: Broadcast
  readonly close: () => Promise<void>
}

const PREFIX = 'sallyport:'

const nameOf = ({ kind }: RedisSettings): string =>
  ({ single: 'REDIS_URL', sentinel: 'redisSentinel', cluster: 'redisCluster' })[kind]

/** Connects to Redis and tries it. Throws one clear line when it is of no use. */
export const openShared = async (
  target: RedisSettings,
  system: System,
  log: Logger,
): Promise<Shared> => {
  const redis = createRedis({
    target,
    prefix: PREFIX,
    random: system.random,
    onDown: (why) => {
      log.error({ why }, 'Redis is lost: each node decides by what it knows')
    },
    onUp: () => {
      log.info('Redis is back')
    },
  })
  try {
    await redis.check()
  } catch (error) {
    await redis.close()
    const why = error instanceof Error ? error.message : String(error)
    throw new Error(`${nameOf(target)}: ${why}`, { cause: error })
  }
  const guard = createGuard({ redis, ...system })
  const broadcast = createBroadcast(redis)
  return {
    redis: guard,
    broadcast,
    close: async () => {
      broadcast.close()
      await guard.close()
    },
  }
}
