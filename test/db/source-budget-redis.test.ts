import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Attempts } from '../../db/attempts.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { createGatedRedis, type GatedRedis } from '../support/redis-gate.ts'
import { guardedRedis, sharedNode } from '../support/redis-node.ts'
import { createTestClock, type TestClock } from './attempts-trial.ts'

const source = '203.0.113.7'

describe.skipIf(withoutRedis)('the budget of a source over two nodes', () => {
  let server: RedisServer
  let clock: TestClock
  const nodes: { readonly gate: GatedRedis; readonly attempts: Attempts }[] = []
  beforeAll(async () => {
    server = await startRedisServer()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    await server.admin.flushall()
    clock = createTestClock()
    const { now, elapsed } = clock
    for (let at = 0; at < 2; at++) {
      const gate = createGatedRedis(await guardedRedis(server.target, { prefix: 'test:' }))
      const { attempts } = await sharedNode(server.target, {
        ...{ redis: gate.redis, now, elapsed, sharedNow: now, nodes: () => 2 },
        limits: { sourceRefusals: 1_000, sourceWindowMs: 120_000 },
      })
      nodes.push({ gate, attempts })
    }
  })
  afterEach(async () => {
    for (const { attempts } of nodes.splice(0)) await attempts.close()
  })
  const count = async (at: number, times = 1): Promise<number> => {
    let last = 0
    for (let done = 0; done < times; done++)
      last = (await nodes[at]!.attempts.countSource(source)).count
    return last
  }

  test('counts a refusal once whose answer came too late (B10)', async () => {
    expect(await count(0, 3)).toBe(3)
    nodes[0]!.gate.set('deaf')
    await count(0, 4)
    nodes[0]!.gate.set('open')
    expect(await count(0)).toBe(8)
    expect(await count(1, 2)).toBe(10)
    nodes[0]!.gate.set('deaf')
    await Promise.all([count(0, 2), count(0, 2)])
    await count(1)
    nodes[0]!.gate.set('open')
    expect(await count(1)).toBe(16)
    expect(await count(0)).toBe(17)
  })

  test('counts a refusal that Redis never heard of with the next one', async () => {
    await count(0)
    nodes[0]!.gate.set('shut')
    await count(0, 4)
    nodes[0]!.gate.set('open')
    expect(await count(0)).toBe(6)
    expect(await count(0)).toBe(7)
  })

  test('counts each once when many come at once', async () => {
    await Promise.all(Array.from({ length: 100 }, (_, at) => count(at % 2)))
    expect(await count(0)).toBe(101)
    clock.wait(120_000)
    expect(await count(1)).toBe(1)
    expect(await count(0)).toBe(2)
  })

  test('stands under a name that shows no address', async () => {
    await count(0)
    const keys = await server.admin.keys('test:window:*')
    expect(keys).toHaveLength(1)
    expect(keys.join()).not.toContain(source)
    const life = await server.admin.pttl(keys[0]!)
    expect(life).toBeGreaterThan(0)
    expect(life).toBeLessThanOrEqual(120_000)
  })
})
