import type { Logger } from 'pino'
import { createBroadcast, type Broadcast } from '../db/broadcast.ts'
import { createRedis } from '../db/redis.ts'
import { createGuard, type GuardedRedis } from '../db/redis-guard.ts'
import type { RedisSettings, Settings } from './settings-value.ts'
import type { System } from './system.ts'

/** What all nodes share beside the directory. */
export type Shared = {
  readonly redis: GuardedRedis
  readonly broadcast: Broadcast
  readonly close: () => Promise<void>
}

const nameOf = ({ kind }: RedisSettings): string =>
  ({ single: 'REDIS_URL', sentinel: 'redisSentinel', cluster: 'redisCluster' })[kind]

/** Connects to Redis and tries it. Throws one clear line when it is of no use. */
export const openShared = async (
  target: RedisSettings,
  { redisPrefix, redisTimeoutMs }: Pick<Settings, 'redisPrefix' | 'redisTimeoutMs'>,
  system: System,
  log: Logger,
): Promise<Shared> => {
  const redis = createRedis({
    target,
    prefix: redisPrefix,
    commandTimeoutMs: redisTimeoutMs,
    random: system.random,
    onDown: (why) => {
      log.warn({ why }, 'the connection to Redis is lost')
    },
    onUp: () => {
      log.info('the connection to Redis is there again')
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
  guard.listen((isAway) => {
    if (isAway) log.error('degraded: Redis is of no use, so this node decides by what it knows')
    else log.info('degraded no longer: Redis is of use again')
  })
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
