import { describe, expect, onTestFinished, test } from 'vitest'
import { createRedisBindLeases } from '../../db/bind-leases-redis.ts'
import { transact } from '../../db/database.ts'
import { systemActor as actor } from '../../db/record.ts'
import { setUserEnabled } from '../../db/users.ts'
import { basic } from '../support/gateway.ts'
import { startNodes } from '../support/nodes.ts'
import { startRedisServer, withoutRedis } from '../support/redis.ts'
import { sharedNode } from '../support/redis-node.ts'
import { wrong } from '../db/attempts-trial.ts'

const password = 'the-right-secret'
const patient = { timeout: 20_000, interval: 20 }

describe.skipIf(withoutRedis)('Redis', () => {
  test('that was flushed: revocations hold on all nodes, also those of just then (I2)', async () => {
    const names = ['before', 'meanwhile', 'after', 'untouched'] as const
    const nodes = await startNodes(2, { users: names.map((username) => ({ username, password })) })
    onTestFinished(nodes.stop)
    const statusOf = async (place: number, name: string): Promise<number> => {
      const headers = { authorization: basic(name, password) }
      return (await fetch(nodes.at(place).url, { headers })).status
    }
    const revoke = async (name: string): Promise<void> => {
      const { core } = nodes.at(0)
      const userId = (await core.directory.find(name))?.user.id ?? ''
      await transact(core.database, (tx) => setUserEnabled(tx, { actor, userId, enabled: false }))
    }
    for (const place of [0, 1])
      for (const name of names) expect(await statusOf(place, name)).toBe(200)
    await revoke('before')
    await expect.poll(() => statusOf(1, 'before'), patient).toBe(401)
    await Promise.all([revoke('meanwhile'), nodes.redis.admin.flushall()])
    await nodes.redis.admin.script('FLUSH')
    await revoke('after')
    for (const place of [0, 1]) {
      for (const name of ['before', 'meanwhile', 'after'])
        await expect.poll(() => statusOf(place, name), patient).toBe(401)
      expect(await statusOf(place, 'untouched')).toBe(200)
    }
  })

  test('that is killed in the middle of counting has no key that lives for ever (B4)', async () => {
    const redis = await startRedisServer(['--appendonly', 'yes', '--appendfsync', 'always'])
    onTestFinished(redis.stop)
    const { attempts, redis: guarded } = await sharedNode(redis.target, {
      prefix: 'test:',
      commandTimeoutMs: 5_000,
    })
    onTestFinished(attempts.close)
    const leases = createRedisBindLeases({ redis: guarded })
    for (let round = 0; round < 5; round++) {
      let done = 0
      const one = async (at: number): Promise<void> => {
        const name = `${round}-${at}`
        await Promise.all([
          wrong(attempts, 'a', { userKey: name }),
          wrong(attempts, 'a', { userKey: `nobody-${name}`, existing: false }),
          attempts.countSource(name),
          leases.take({ id: '1', userKey: name, limit: 1 }).catch(() => undefined),
        ])
        done += 1
      }
      const all = Promise.all(Array.from({ length: 200 }, (_, at) => one(at)))
      await expect.poll(() => done, { ...patient, interval: 1 }).toBeGreaterThan(20 * round)
      await redis.kill()
      await all
      await redis.restart()
      const keys = await redis.admin.keys('test:*')
      expect(keys.length).toBeGreaterThan(20 * round)
      const lives = await Promise.all(keys.map((key) => redis.admin.pttl(key)))
      expect(keys.filter((_, at) => lives[at] === -1)).toEqual([])
      await expect.poll(guarded.isAway, patient).toBe(false)
    }
  })
})
