import { afterAll, beforeAll, describe } from 'vitest'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { sharedNode } from '../support/redis-node.ts'
import { attemptsBucketsContract } from './attempts-buckets.contract.ts'
import { attemptsContract } from './attempts.contract.ts'
import type { CreateAttempts } from './attempts-trial.ts'

describe.skipIf(withoutRedis)('on a real Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedisServer()
  })
  afterAll(() => server.stop())

  const create: CreateAttempts = async ({ now, elapsed }, limits) => {
    const { attempts } = await sharedNode(server.target, {
      ...{ now, elapsed, limits },
      sharedNow: now,
    })
    return attempts
  }

  attemptsContract('the shared attempts store', create)
  attemptsBucketsContract('the shared attempts store', create)
})
