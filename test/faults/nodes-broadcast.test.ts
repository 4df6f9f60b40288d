import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { createBroadcast, type Broadcast } from '../../db/broadcast.ts'
import type { RedisTarget } from '../../db/redis-client.ts'
import { startRedisCluster, startWatchedRedis } from '../support/redis-many.ts'
import { connectTo, withoutRedis } from '../support/redis.ts'

const soon = <T>(ask: () => T) => expect.poll(ask, { timeout: 60_000, interval: 50 })

describe.skipIf(withoutRedis)('words to all nodes', () => {
  let heard: string[] = []
  afterEach(() => {
    heard = []
  })

  const open = async (name: string, target: RedisTarget): Promise<Broadcast> => {
    const redis = connectTo(target, { prefix: 'words:' })
    const broadcast = createBroadcast(redis)
    onTestFinished(async () => {
      broadcast.close()
      await redis.close()
    })
    broadcast.hear('a', (words) => {
      heard.push(`${name} ${words}`)
    })
    await redis.check()
    return broadcast
  }
  const openTwo = async (target: RedisTarget): Promise<readonly [Broadcast, Broadcast]> => [
    await open('one', target),
    await open('other', target),
  ]
  /** Says it again and again until both have heard it. */
  const areHeard = async (broadcast: Broadcast, words: string): Promise<void> => {
    await soon(() => {
      broadcast.say('a', words).catch(() => undefined)
      return ['one', 'other'].every((name) => heard.includes(`${name} ${words}`))
    }).toBe(true)
  }

  test('reach all over a cluster, whichever master is lost to them', async () => {
    const cluster = await startRedisCluster()
    onTestFinished(() => cluster.stop())
    for (const { admin } of cluster.masters)
      await admin.config('SET', 'cluster-require-full-coverage', 'no')
    const [one, other] = await openTwo(cluster.target)
    await areHeard(one, 'first')
    await areHeard(other, 'second')
    for (const [at, { admin }] of cluster.masters.entries()) {
      await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await areHeard(one, `again ${at}`)
    }
    // One of them may be where a node listened, or through which it spoke.
    for (const [at, master] of cluster.masters.slice(1).entries()) {
      await master.kill()
      await areHeard(other, `without ${at}`)
    }
  }, 120_000)

  test('reach all after a failover of the master', async () => {
    const watched = await startWatchedRedis()
    onTestFinished(() => watched.stop())
    const [one, other] = await openTwo(watched.target)
    await areHeard(one, 'before')
    await watched.master.kill()
    await areHeard(other, 'behind')
  }, 120_000)
})
