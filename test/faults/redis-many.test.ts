import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createSharedBindLeases } from '../../db/bind-leases-nodes.ts'
import { createRedisBindLeases } from '../../db/bind-leases-redis.ts'
import { createRedisClock } from '../../db/redis-clock.ts'
import type { GuardedRedis } from '../../db/redis-guard.ts'
import { createSharedWindows } from '../../db/windows-redis.ts'
import { createSystem } from '../../gateway/system.ts'
import {
  startRedisCluster,
  startWatchedRedis,
  type RedisCluster,
  type WatchedRedis,
} from '../support/redis-many.ts'
import { withoutRedis } from '../support/redis.ts'
import { guardedRedis, sharedNode } from '../support/redis-node.ts'
import { bindLeasesContract } from '../db/bind-leases.contract.ts'
import { windowsContract } from '../db/windows.contract.ts'
import { attemptsContract } from '../db/attempts.contract.ts'
import { lockOut, right, wrong, type CreateAttempts } from '../db/attempts-trial.ts'

const patient = { timeout: 25_000, interval: 50 }

describe.skipIf(withoutRedis)('a cluster of three masters', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startRedisCluster()
  }, 60_000)
  afterAll(() => cluster.stop())

  const create: CreateAttempts = async ({ now, elapsed }, limits) => {
    const options = { now, elapsed, limits, sharedNow: now, checkMs: 20_000 }
    return (await sharedNode(cluster.target, options)).attempts
  }
  attemptsContract('the attempts store on a cluster', create)

  let redis: GuardedRedis
  beforeAll(async () => {
    redis = await guardedRedis(cluster.target, { prefix: 'others:', checkMs: 20_000 })
  })
  afterAll(() => redis.close())

  let stores = 0
  bindLeasesContract('a cluster', (clock) => {
    const of = `store-${++stores}-`
    return createRedisBindLeases({
      redis: { ...redis, key: (kind, tag) => redis.key(kind, of + tag) },
      now: () => clock.at,
    })
  })
  windowsContract('windows on a cluster', ({ now, elapsed }) =>
    createSharedWindows({
      ...{ redis, now, elapsed, windowKey: String, nodes: () => 3 },
      clock: createRedisClock({ now, elapsed, sharedNow: now }),
    }),
  )

  test('keeps users on all of its nodes, and each user on one', async () => {
    const { attempts } = await sharedNode(cluster.target, { prefix: 'spread:' })
    onTestFinished(() => attempts.close())
    for (let at = 0; at < 60; at++) await lockOut(attempts, { userKey: `user ${at}` })
    const held = await Promise.all(
      cluster.masters.map(({ admin }) => admin.keys('spread:attempts:*')),
    )
    expect(held.every((keys) => keys.length > 0)).toBe(true)
    expect(held.flat()).toHaveLength(60)
  })
})

describe.skipIf(withoutRedis)('a master that a sentinel watches over', () => {
  let watched: WatchedRedis
  beforeAll(async () => {
    watched = await startWatchedRedis()
  }, 60_000)
  afterAll(() => watched.stop())

  test('fails over: locks hold throughout, and the new one is used without a restart (I1)', async () => {
    const { attempts, redis } = await sharedNode(watched.target, {
      prefix: 'test:',
      nodes: () => 3,
    })
    onTestFinished(() => attempts.close())
    const { now, elapsed } = createSystem()
    const leases = createSharedBindLeases({ redis, elapsed, liveNodes: () => 3 })
    const clock = createRedisClock({ now, elapsed })
    const shared = { redis, now, elapsed, clock, windowKey: String }
    const windows = createSharedWindows({ ...shared, nodes: () => 3 })
    const bound = { id: '1', userKey: 'acme', limit: 3 }
    expect(await leases.take(bound)).toEqual({ outcome: 'taken' })
    expect(await windows.take('pins', 3, 900_000)).toMatchObject({ taken: true, left: 2 })
    await lockOut(attempts, { userKey: 'locked' })
    // A replica that has not heard of them could not know of them.
    await watched.master.admin.wait(1, 10_000)
    await watched.master.kill()
    expect(await leases.renew(bound)).toBe(true)
    expect(await right(attempts, { userKey: 'locked' })).toBe('locked')
    expect((await wrong(attempts, 'a')).outcome).toBe('reserved')
    await expect.poll(redis.isAway, patient).toBe(true)
    await expect.poll(redis.isAway, patient).toBe(false)
    expect(await watched.replica.admin.info('replication')).toMatch(/role:master/)
    await expect
      .poll(() => watched.replica.admin.keys('test:attempts:acme:*'), patient)
      .toHaveLength(1)
    expect(await right(attempts, { userKey: 'locked' })).toBe('locked')
    await expect.poll(() => leases.count('acme').catch(() => undefined), patient).toBe(1)
    expect(await leases.renew(bound)).toBe(true)
    expect(await windows.take('pins', 3, 900_000)).toMatchObject({ taken: true, left: 1 })
  })
})
