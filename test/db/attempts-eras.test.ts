import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createSharedAttempts } from '../../db/attempts-redis.ts'
import type { Attempts } from '../../db/attempts.ts'
import type { GuardedRedis } from '../../db/redis-guard.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { guardedRedis } from '../support/redis-node.ts'
import { createTestClock, right, wrong } from './attempts-trial.ts'

describe.skipIf(withoutRedis)('a Redis that comes back empty', () => {
  let server: RedisServer
  let redis: GuardedRedis
  const started: Attempts[] = []
  let tried = 0
  beforeAll(async () => {
    server = await startRedisServer()
    redis = await guardedRedis(server.target, { prefix: 'test:' })
  })
  afterAll(async () => {
    await redis.close()
    await server.stop()
  })
  beforeEach(() => server.admin.flushall())
  afterEach(async () => {
    for (const it of started.splice(0)) await it.close()
  })

  const { now, elapsed } = createTestClock()
  const start = (count: number): Attempts => {
    const attempts = createSharedAttempts({
      ...{
        redis,
        now,
        elapsed,
        sharedNow: now,
        random: randomBytes,
        windowKey: String,
        patienceMs: 5_000,
      },
      nodes: () => count,
    })
    started.push(attempts)
    return attempts
  }
  /** All of them have been there for a while. */
  const startAll = async (count: number): Promise<readonly Attempts[]> => {
    const nodes = Array.from({ length: count }, () => start(count))
    for (const it of [...nodes, ...nodes]) await it.state('acme')
    return nodes
  }
  const guess = async (attempts: Attempts, times: number): Promise<number> => {
    let through = 0
    for (let at = 0; at < times; at++)
      if ((await wrong(attempts, `secret ${++tried}`)).outcome === 'reserved') through++
    return through
  }

  test('once after every four guesses lets one node through to the limit and no further', async () => {
    const [node] = await startAll(1)
    let through = 0
    for (let times = 0; times < 6; times++) {
      through += await guess(node!, 4)
      await server.admin.flushall()
    }
    expect(through).toBe(5)
    expect(await right(node!)).toBe('locked')
  })

  test('again and again lets three nodes through to limit + nodes at most (B2)', async () => {
    const nodes = await startAll(3)
    let through = 0
    for (let times = 0; times < 6; times++)
      for (const node of nodes) {
        through += await guess(node, 4)
        await server.admin.flushall()
      }
    expect(through).toBeGreaterThanOrEqual(5)
    expect(through).toBeLessThanOrEqual(8)
  })

  test('is told by nodes that nobody asks anything, and goes on from there', async () => {
    const nodes = await startAll(3)
    await guess(nodes[0]!, 2)
    await guess(nodes[1]!, 2)
    await server.admin.flushall()
    for (const it of nodes)
      await expect
        .poll(async () => (await it.state('acme'))[0]?.failures, { timeout: 20_000 })
        .toBe(4)
    expect(await guess(nodes[2]!, 4)).toBe(1)
    for (const it of nodes) expect(await right(it)).toBe('locked')
  })

  test('gives no node a share again by a restart while others have not told yet', async () => {
    const [first] = await startAll(3)
    expect(await guess(first!, 4)).toBe(4)
    await server.admin.flushall()
    await first!.close()
    let through = 0
    for (let times = 0; times < 6; times++) {
      const again = start(3)
      through += await guess(again, 4)
      await again.close()
    }
    expect(through).toBe(1)
  })
})
