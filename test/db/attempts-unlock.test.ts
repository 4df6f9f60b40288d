import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { RedisFailure } from '../../db/redis-failures.ts'
import type { GuardedRedis } from '../../db/redis-guard.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { guardedRedis, sharedNode } from '../support/redis-node.ts'
import { createTestClock, lockOut, right } from './attempts-trial.ts'

/** A connection on which one command, so many from now, finds no Redis. */
const createFailing = (real: GuardedRedis) => {
  let left = Infinity
  const redis: GuardedRedis = {
    ...real,
    run: (...asked) =>
      left-- === 0 ? Promise.reject(new RedisFailure('is away')) : real.run(...asked),
  }
  return {
    redis,
    failAfter: (commands: number): void => {
      left = commands
    },
  }
}

describe.skipIf(withoutRedis)('an unlock', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedisServer()
  })
  afterAll(() => server.stop())

  test.each([0, 1, 2, 3, 4, 5])(
    'holds for all though Redis is not found after %i of its commands',
    async (commands) => {
      const { now, elapsed, wait } = createTestClock()
      const prefix = `unlock-${commands}:`
      const { redis, failAfter } = createFailing(await guardedRedis(server.target, { prefix }))
      const shared = { now, elapsed, sharedNow: now, prefix }
      const { attempts } = await sharedNode(server.target, { ...shared, redis })
      onTestFinished(attempts.close)
      await lockOut(attempts)
      await lockOut(attempts, { bucket: '192.0.2.1' })
      wait(60_000)
      failAfter(commands)
      await attempts.unlock('acme', now())
      failAfter(Infinity)
      expect(await right(attempts)).toBe('cleared')
      const { attempts: other } = await sharedNode(server.target, shared)
      onTestFinished(other.close)
      expect(await right(other)).toBe('cleared')
      expect(await right(other, { bucket: '192.0.2.1' })).toBe('cleared')
    },
  )
})
