import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import type { BindLeases, Lease } from '../../db/bind-leases.ts'
import { createSharedBindLeases } from '../../db/bind-leases-nodes.ts'
import { createGuard, type GuardedRedis } from '../../db/redis-guard.ts'
import { connectTo, startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'

/** The machine may be busy: what must happen is waited for. */
const soon = <T>(ask: () => T) => expect.poll(ask, { timeout: 20_000 })

type Node = { readonly leases: BindLeases; readonly guard: GuardedRedis }

describe.skipIf(withoutRedis)('bind leases that nodes share', () => {
  let server: RedisServer
  let one: Node
  let other: Node

  const startNode = async (): Promise<Node> => {
    const redis = connectTo(server.target, { prefix: 'shared:', commandTimeoutMs: 5_000 })
    const guard = createGuard({ redis, elapsed: () => performance.now(), random: randomBytes })
    onTestFinished(() => guard.close())
    await redis.check()
    await soon(guard.isAway).toBe(false)
    const elapsed = (): number => performance.now()
    return { guard, leases: createSharedBindLeases({ redis: guard, elapsed, liveNodes: () => 2 }) }
  }
  beforeEach(async () => {
    server = await startRedisServer()
    onTestFinished(() => server.stop())
    one = await startNode()
    other = await startNode()
  })

  const lease = (id: string, limit = 2, userKey = 'alice'): Lease => ({ id, limit, userKey })
  const takes = async ({ leases }: Node, wanted: Lease): Promise<boolean> =>
    (await leases.take(wanted)).outcome === 'taken'
  const manyTake = async (limit: number): Promise<number[]> => {
    const counts = await Promise.all(
      [one, other].map((node, at) =>
        Promise.all(Array.from({ length: 10 }, (_, i) => takes(node, lease(`${at}-${i}`, limit)))),
      ),
    )
    return counts.map((taken) => taken.filter(Boolean).length)
  }
  const loseRedis = async (): Promise<void> => {
    await server.kill()
    await soon(() => one.guard.isAway() && other.guard.isAway()).toBe(true)
  }
  const regainRedis = async (): Promise<void> => {
    await server.restart()
    await soon(() => one.guard.isAway() || other.guard.isAway()).toBe(false)
  }

  test('J11 twenty that ask two nodes at once for two places get two', async () => {
    const [here = 0, there = 0] = await manyTake(2)
    expect(here + there).toBe(2)
    expect(await other.leases.count('alice')).toBe(2)
  })

  test.each([
    [4, [2, 2]],
    [5, [2, 2]],
    [1, [1, 1]],
    [0, [0, 0]],
  ])('while Redis is lost each of two nodes has its part of %i: %j', async (limit, parts) => {
    await loseRedis()
    expect(await manyTake(limit)).toEqual(parts)
    await expect(one.leases.count('alice')).rejects.toThrow()
  })

  test('what stands when Redis is lost goes on, and counts against the part', async () => {
    const standing = ['1', '2', '3'].map((id) => lease(id, 4))
    for (const each of standing) expect(await takes(one, each)).toBe(true)
    await loseRedis()
    for (const each of standing) expect(await one.leases.renew(each)).toBe(true)
    expect(await one.leases.take(lease('4', 4))).toEqual({ outcome: 'full', oldest: '1' })
    for (const each of standing) await one.leases.release(each)
    expect(await takes(one, lease('5', 4))).toBe(true)
  })

  test('a Redis that comes back empty learns of what stands and of what came meanwhile', async () => {
    expect(await takes(one, lease('1', 4))).toBe(true)
    await loseRedis()
    expect(await takes(one, lease('2', 4))).toBe(true)
    expect(await takes(other, lease('3', 4))).toBe(true)
    await regainRedis()
    await soon(() => other.leases.count('alice')).toBe(3)
    for (const id of ['1', '2']) expect(await one.leases.renew(lease(id, 4))).toBe(true)
    expect(await other.leases.renew(lease('3', 4))).toBe(true)
    expect(await other.leases.count('alice')).toBe(3)
  })

  test('those that were let in beyond the limit meanwhile go, as many as are too many', async () => {
    await loseRedis()
    expect(await manyTake(1)).toEqual([1, 1])
    await regainRedis()
    expect(await one.leases.renew(lease('0-0', 1))).toBe(true)
    expect(await other.leases.renew(lease('1-0', 1))).toBe(false)
    expect(await one.leases.count('alice')).toBe(1)
  })

  test('what another node let in after a flush goes, and not what stood before it', async () => {
    expect(await takes(one, lease('1', 1))).toBe(true)
    await server.admin.flushall()
    expect(await takes(other, lease('2', 1))).toBe(true)
    expect(await one.leases.renew(lease('1', 1))).toBe(true)
    expect(await other.leases.renew(lease('2', 1))).toBe(false)
    expect(await other.leases.count('alice')).toBe(1)
  })

  test('a node whose own leases fill the limit lets nobody in after a flush', async () => {
    for (const id of ['1', '2']) expect(await takes(one, lease(id))).toBe(true)
    await server.admin.flushall()
    expect(await one.leases.take(lease('3'))).toEqual({ outcome: 'full', oldest: '1' })
    for (const id of ['1', '2']) expect(await one.leases.renew(lease(id))).toBe(true)
  })

  test('a place that is let go of while Redis stands still is free when it goes on', async () => {
    expect(await takes(one, lease('1', 1))).toBe(true)
    server.signal('SIGSTOP')
    const refused = takes(other, lease('2', 1))
    await one.leases.release(lease('1', 1))
    expect(await refused).toBe(true)
    await other.leases.release(lease('2', 1))
    server.signal('SIGCONT')
    await soon(() => one.guard.isAway() || other.guard.isAway()).toBe(false)
    await soon(() => one.leases.count('alice').catch(() => undefined)).toBe(0)
    expect(await takes(one, lease('3', 1))).toBe(true)
  })

  test('a place that was taken though the answer never came is held by nobody', async () => {
    for (const id of ['1', '2']) expect(await takes(one, lease(id, 4))).toBe(true)
    server.signal('SIGSTOP')
    expect(await one.leases.take(lease('3', 4))).toEqual({ outcome: 'full', oldest: '1' })
    server.signal('SIGCONT')
    await soon(one.guard.isAway).toBe(false)
    await soon(() => one.leases.count('alice').catch(() => undefined)).toBe(2)
  })

  test('a lease that is let go of while it is renewed stays free', async () => {
    expect(await takes(one, lease('1', 1))).toBe(true)
    await server.admin.script('FLUSH')
    await Promise.all([one.leases.renew(lease('1', 1)), one.leases.release(lease('1', 1))])
    await soon(() => other.leases.count('alice')).toBe(0)
  })
})

test('a fault of the program is not taken for a lost Redis, and holds no place', async () => {
  let fault: Error | undefined = new TypeError('a fault')
  const leases = createSharedBindLeases({
    redis: {
      key: (kind, tag) => `${kind}:${tag}`,
      run: () => (fault ? Promise.reject(fault) : Promise.resolve(['taken'])),
      listen: () => undefined,
    },
    elapsed: () => 0,
    liveNodes: () => 1,
  })
  const wanted = { id: '1', limit: 1, userKey: 'alice' }
  await expect(leases.take(wanted)).rejects.toThrow(fault)
  await expect(leases.renew(wanted)).rejects.toThrow(fault)
  fault = undefined
  expect(await leases.take({ ...wanted, id: '2' })).toEqual({ outcome: 'taken' })
})
