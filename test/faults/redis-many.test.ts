import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import {
  startRedisCluster,
  startWatchedRedis,
  type RedisCluster,
  type WatchedRedis,
} from '../support/redis-many.ts'
import { withoutRedis } from '../support/redis.ts'
import { sharedNode } from '../support/redis-node.ts'
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
    await lockOut(attempts, { userKey: 'locked' })
    await watched.master.kill()
    expect(await right(attempts, { userKey: 'locked' })).toBe('locked')
    expect((await wrong(attempts, 'a')).outcome).toBe('reserved')
    await expect.poll(redis.isAway, patient).toBe(true)
    await expect.poll(redis.isAway, patient).toBe(false)
    expect(await watched.replica.admin.info('replication')).toMatch(/role:master/)
    await expect
      .poll(() => watched.replica.admin.keys('test:attempts:acme:*'), patient)
      .toHaveLength(1)
    expect(await right(attempts, { userKey: 'locked' })).toBe('locked')
  })
})
