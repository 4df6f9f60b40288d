import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { sharedNode } from '../support/redis-node.ts'
import { attemptsBucketsContract } from './attempts-buckets.contract.ts'
import { attemptsContract } from './attempts.contract.ts'
import { lockOut, wrong, type CreateAttempts } from './attempts-trial.ts'

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

  test("keeps no name in Redis that is no user's, however many there are (B11)", async () => {
    const { attempts } = await sharedNode(server.target, { prefix: 'names:' })
    onTestFinished(() => attempts.close())
    for (let at = 0; at < 1_000; at++)
      await wrong(attempts, 'a', { userKey: `name ${at}`, existing: false })
    await lockOut(attempts, { userKey: 'nobody', existing: false })
    await lockOut(attempts)
    expect(attempts.lockedUntil('nobody', 'unknown')).toBeDefined()
    expect(await server.admin.keys('names:attempts:*')).toHaveLength(1)
  })

  attemptsContract('the shared attempts store', create)
  attemptsBucketsContract('the shared attempts store', create)
})
