import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRedisClock } from '../../db/redis-clock.ts'
import type { GuardedRedis } from '../../db/redis-guard.ts'
import { createFingerprints } from '../../db/secrets.ts'
import { createSharedWindows } from '../../db/windows-redis.ts'
import { createEmbeddedWindows, type Windows } from '../../db/windows.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { guardedRedis } from '../support/redis-node.ts'
import { createTestClock, type TestClock } from './attempts-trial.ts'

const { windowKey } = createFingerprints(Buffer.alloc(32))

const windowsContract = (name: string, create: (clock: TestClock) => Windows): void => {
  describe(name, () => {
    const start = () => {
      const clock = createTestClock()
      return { clock, windows: create(clock), key: randomBytes(8).toString('hex') }
    }

    test('gives out as many as there are, of twenty that ask at once', async () => {
      const { windows, key } = start()
      const asked = Array.from({ length: 20 }, () => windows.take(key, 3, 60_000))
      const taken = (await Promise.all(asked)).filter((it) => it.taken)
      expect(taken.map(({ left }) => left)).toEqual([2, 1, 0])
    })

    test('sets the end of a window once, and begins anew after it (B3)', async () => {
      const { clock, windows, key } = start()
      const until = clock.now() + 120_000
      for (const left of [1, 0]) {
        expect(await windows.take(key, 2, 120_000)).toEqual({ taken: true, left, until })
        clock.wait(50_000)
      }
      expect(await windows.take(key, 2, 120_000)).toEqual({ taken: false, left: 0, until })
      clock.wait(20_000)
      expect(await windows.take(key, 2, 120_000)).toEqual({
        taken: true,
        left: 1,
        until: clock.now() + 120_000,
      })
    })

    test('keeps keys apart, and gives out none of none', async () => {
      const { windows, key } = start()
      expect((await windows.take(key, 1, 1_000)).taken).toBe(true)
      expect((await windows.take(`${key} other`, 1, 1_000)).taken).toBe(true)
      expect(await windows.take(`${key} none`, 0, 1_000)).toMatchObject({ taken: false, left: 0 })
    })
  })
}

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
