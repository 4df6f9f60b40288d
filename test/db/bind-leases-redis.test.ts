import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { LEASE_MS } from '../../db/bind-leases.ts'
import { createRedisBindLeases } from '../../db/bind-leases-redis.ts'
import type { SharedRedis } from '../../db/redis.ts'
import { connectTo, startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { bindLeasesContract } from './bind-leases.contract.ts'

describe.skipIf(withoutRedis)('in Redis', () => {
  let server: RedisServer
  const open: SharedRedis[] = []

  const connect = async (): Promise<SharedRedis> => {
    const redis = connectTo(server.target)
    open.push(redis)
    await redis.check()
    return redis
  }
  let shared: SharedRedis
  beforeAll(async () => {
    server = await startRedisServer()
    shared = await connect()
  })
  afterAll(async () => {
    for (const redis of open) await redis.close()
    await server.stop()
  })

  let stores = 0
  bindLeasesContract('Redis', (clock) => {
    const of = `store-${++stores}-`
    return createRedisBindLeases({
      redis: { ...shared, key: (kind, tag) => shared.key(kind, of + tag) },
      now: () => clock.at,
    })
  })

  test('the places are the same for all who share it, by the clock of Redis', async () => {
    const [one, other] = [await connect(), await connect()].map((redis) =>
      createRedisBindLeases({ redis: { ...redis, key: shared.key } }),
    )
    if (one === undefined || other === undefined) throw new Error('no store')
    const lease = { id: '1', userKey: 'shared', limit: 1 }
    expect(await one.take(lease)).toEqual({ outcome: 'taken' })
    expect(await other.take({ ...lease, id: '2' })).toEqual({ outcome: 'full', oldest: '1' })
    const key = shared.key('binds', 'shared')
    const left = await server.admin.pttl(key)
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(LEASE_MS)
    const [seconds] = await server.admin.time()
    const end = Number(await server.admin.zscore(key, '1'))
    expect(Math.abs(end - LEASE_MS - Number(seconds) * 1_000)).toBeLessThan(10_000)
  })

  test('a set that nobody renews is gone by itself', async () => {
    const redis = await connect()
    const leases = createRedisBindLeases({ redis, leaseMs: 50 })
    await leases.take({ id: '1', userKey: 'left', limit: 1 })
    const key = redis.key('binds', 'left')
    await expect.poll(() => server.admin.exists(key), { timeout: 20_000 }).toBe(0)
    expect(await leases.count('left')).toBe(0)
  })

  test('a flush ends no lease, whether or not the scripts are gone too', async () => {
    const own = await startRedisServer()
    const redis = connectTo(own.target)
    onTestFinished(async () => {
      await redis.close()
      await own.stop()
    })
    await redis.check()
    const leases = createRedisBindLeases({ redis })
    const lease = { id: '1', userKey: 'alice', limit: 1 }
    await leases.take(lease)
    await own.admin.flushall()
    await own.admin.script('FLUSH')
    expect(await leases.renew(lease)).toBe(true)
    expect(await leases.take({ ...lease, id: '2' })).toEqual({ outcome: 'full', oldest: '1' })
  })
})
