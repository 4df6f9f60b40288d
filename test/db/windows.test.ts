import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRedisClock } from '../../db/redis-clock.ts'
import type { GuardedRedis } from '../../db/redis-guard.ts'
import { createFingerprints } from '../../db/secrets.ts'
import { createSharedWindows } from '../../db/windows-redis.ts'
import { createEmbeddedWindows, type Windows } from '../../db/windows.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { guardedRedis } from '../support/redis-node.ts'
import { createTestClock, type TestClock } from './attempts-trial.ts'
import { windowsContract } from './windows.contract.ts'

const { windowKey } = createFingerprints(Buffer.alloc(32))

windowsContract('windows of one process', createEmbeddedWindows)

describe.skipIf(withoutRedis)('on a real Redis', () => {
  let server: RedisServer
  let redis: GuardedRedis
  beforeAll(async () => {
    server = await startRedisServer()
    redis = await guardedRedis(server.target, { prefix: 'test:' })
  })
  afterAll(async () => {
    await redis.close()
    await server.stop()
  })

  const create = ({ now, elapsed }: TestClock): Windows =>
    createSharedWindows({
      ...{ redis, now, elapsed, windowKey, nodes: () => 3 },
      clock: createRedisClock({ now, elapsed, sharedNow: now }),
    })

  windowsContract('windows of many', create)

  test('no window outlives its end by a key (B4), which does not tell whose it is', async () => {
    await server.admin.flushall()
    await create(createTestClock()).take('mail to ada@example.com', 1, 60_000)
    const [key = '', ...others] = await server.admin.keys('*')
    expect(others).toEqual([])
    expect(key).not.toContain('ada')
    expect(await server.admin.pttl(key)).toBeGreaterThan(0)
  })

  test('windows whose Redis is lost give out a part, and are shared again after', async () => {
    const clock = createTestClock()
    const lost = await startRedisServer()
    const own = await guardedRedis(lost.target, { commandTimeoutMs: 200 })
    const windows = createSharedWindows({
      ...{ redis: own, now: clock.now, elapsed: clock.elapsed, windowKey, nodes: () => 3 },
      clock: createRedisClock({ ...clock, sharedNow: clock.now }),
    })
    await lost.kill()
    const given = async (limit: number): Promise<number> => {
      let taken = 0
      for (let asked = 0; asked < 50; asked++)
        if ((await windows.take(`of ${limit}`, limit, 60_000)).taken) taken++
      return taken
    }
    for (const [limit, part] of [
      [30, 10],
      [5, 1],
      [2, 1],
      [0, 0],
    ] as const)
      expect(await given(limit)).toBe(part)
    await lost.restart()
    await expect.poll(own.isAway, { timeout: 20_000 }).toBe(false)
    expect(await windows.take('key', 5, 60_000)).toMatchObject({ taken: true, left: 4 })
    await own.close()
    await lost.stop()
  })
})
