import { afterEach, describe, expect, test } from 'vitest'
import type { ReserveOutcome } from '../../db/attempts.ts'
import { createSystem } from '../../gateway/system.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { sharedNode, type SharedNode } from '../support/redis-node.ts'
import { startFaultProxy } from '../support/tcp-fault-proxy.ts'
import { acme, begin, createTestClock, wrong } from '../db/attempts-trial.ts'

const { now } = createSystem()

const patient = { timeout: 20_000, interval: 20 }

type NodeOptions = NonNullable<Parameters<typeof sharedNode>[1]>

type Reserved = Extract<ReserveOutcome, { outcome: 'reserved' }>

describe.skipIf(withoutRedis)('several nodes on one Redis', () => {
  const started: { stop: () => Promise<void> }[] = []
  const nodes: SharedNode[] = []
  afterEach(async () => {
    for (const { attempts } of nodes.splice(0)) await attempts.close()
    for (const it of started.splice(0).reverse()) await it.stop()
  })

  const server = async (): Promise<RedisServer> => {
    const made = await startRedisServer()
    started.push(made)
    return made
  }
  const node = async (port: number, count: number, more: NodeOptions = {}) => {
    const target = { kind: 'single', url: `redis://127.0.0.1:${port}` } as const
    const options = { prefix: 'test:', commandTimeoutMs: 5_000, nodes: () => count }
    const made = await sharedNode(target, { ...options, ...more })
    nodes.push(made)
    return made.attempts
  }

  test('permit five of a thousand guesses that come at once on three (B2)', async () => {
    const { port } = await server()
    const three = [await node(port, 3), await node(port, 3), await node(port, 3)]
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, (_, at) =>
        begin(three[at % 3]!, { fingerprint: `secret ${at}` }),
      ),
    )
    expect(outcomes.filter(({ outcome }) => outcome === 'reserved')).toHaveLength(5)
  })

  /** Redis is killed after so many guesses, some of them still being verified. */
  test.each([
    [1, 0],
    [1, 3],
    [2, 0],
    [2, 2],
    [2, 4],
    [2, 5],
    [3, 0],
    [3, 1],
    [3, 4],
    [3, 5],
    [5, 3],
  ])(
    'permit limit + nodes on %i of them with Redis killed after %i (B2)',
    async (count, before) => {
      const redis = await server()
      const all = await Promise.all(Array.from({ length: count }, () => node(redis.port, count)))
      let guesses = 0
      const guess = (): ReturnType<typeof begin> => {
        const at = guesses++
        return begin(all[at % count]!, { fingerprint: `secret ${at}` })
      }
      const reserved: { token: Reserved['token']; node: number }[] = []
      for (let at = 0; at < before; at++) {
        const outcome = await guess()
        if (outcome.outcome !== 'reserved') throw new Error('expected a reservation')
        reserved.push({ token: outcome.token, node: at % count })
      }
      // Every other one ends before, the rest after.
      for (const [at, { token, node: index }] of reserved.entries())
        if (at % 2 === 0) await all[index]!.fail(token)
      await redis.kill()
      let permitted = before
      for (let round = 0; round < 5; round++) {
        const outcomes = await Promise.all(Array.from({ length: 20 * count }, () => guess()))
        for (const outcome of outcomes) if (outcome.outcome === 'reserved') permitted++
        for (const [at, outcome] of outcomes.entries())
          if (outcome.outcome === 'reserved' && at % 2 === 0)
            await all[at % count]!.fail(outcome.token)
      }
      expect(permitted).toBeLessThanOrEqual(5 + count)
      expect(permitted).toBeGreaterThan(0)
    },
  )

  test('count a failure once whose reply was lost after the write (B10)', async () => {
    const { port } = await server()
    const proxy = await startFaultProxy(port)
    started.push(proxy)
    const spoiled = await node(proxy.port, 1, { commandTimeoutMs: 1_000 })
    const other = await node(port, 1)
    await wrong(spoiled, 'a')
    for (const secret of ['b', 'c']) {
      const reservation = await begin(spoiled, { fingerprint: secret })
      if (reservation.outcome !== 'reserved') throw new Error('expected a reservation')
      const before = proxy.swallowed()
      proxy.set({ kind: 'swallow-replies' })
      expect(await spoiled.fail(reservation.token)).toMatchObject({ counted: true })
      expect(proxy.swallowed()).toBeGreaterThan(before)
      const back = new Promise<void>((resolve) => {
        nodes[0]!.redis.listen((isAway) => {
          if (!isAway) resolve()
        })
      })
      proxy.set({ kind: 'none' })
      proxy.cut()
      await back
      const { length } = ['a', 'b', 'c'].slice(0, secret === 'b' ? 2 : 3)
      await expect
        .poll(async () => (await other.state(acme.userKey))[0]?.failures, patient)
        .toBe(length)
    }
    // Both have heard of all of it: two more guesses lock.
    expect((await wrong(other, 'd')).outcome).toBe('reserved')
    expect(await wrong(other, 'e')).toMatchObject({ lock: { consecutive: 5 } })
  })

  test('hear of what each counted without Redis, each failure once', async () => {
    const redis = await server()
    const two = [await node(redis.port, 2), await node(redis.port, 2)] as const
    await redis.kill()
    expect((await wrong(two[0], 'a')).outcome).toBe('reserved')
    expect((await wrong(two[1], 'a')).outcome).toBe('reserved')
    expect((await wrong(two[1], 'b')).outcome).toBe('reserved')
    await redis.restart()
    await expect.poll(() => nodes.some((it) => it.redis.isAway()), patient).toBe(false)
    for (const { attempts } of nodes)
      await expect
        .poll(async () => (await attempts.state(acme.userKey))[0]?.failures, patient)
        .toBe(2)
    // Neither locked by itself, and both go on from there together.
    for (const secret of ['c', 'd']) expect((await wrong(two[0], secret)).outcome).toBe('reserved')
    expect(await wrong(two[1], 'e')).toMatchObject({ lock: { consecutive: 5 } })
  })

  test('clear what an admin unlocked while Redis was away', async () => {
    const redis = await server()
    const one = await node(redis.port, 1)
    for (const secret of ['a', 'b', 'c', 'd', 'e']) await wrong(one, secret)
    await redis.admin.save()
    await redis.kill()
    await one.unlock(acme.userKey, now())
    expect(one.lockedUntil(acme.userKey, acme.bucket)).toBeUndefined()
    await redis.restart()
    await expect.poll(() => nodes.some((it) => it.redis.isAway()), patient).toBe(false)
    const other = await node(redis.port, 1)
    await expect.poll(() => other.state(acme.userKey), patient).toEqual([])
    expect((await begin(one, { fingerprint: 'right' })).outcome).toBe('reserved')
  })

  test('that hear of an unlock late clear nothing that came since', async () => {
    const { port } = await server()
    const clock = createTestClock()
    const two = { now: clock.now, elapsed: clock.elapsed, sharedNow: clock.now }
    const [prompt, late] = [await node(port, 2, two), await node(port, 2, two)]
    for (const secret of ['a', 'b', 'c', 'd', 'e']) await wrong(late, secret)
    await late.unlock(acme.userKey, clock.now() - 60_000)
    expect((await begin(prompt, { fingerprint: 'right' })).outcome).toBe('locked')
    clock.wait(60_000)
    const unlockedAt = clock.now()
    await prompt.unlock(acme.userKey, unlockedAt)
    clock.wait(5_000)
    expect((await wrong(prompt, 'f')).outcome).toBe('reserved')
    // The other one knows a lock that is no more: it goes, and the guess since stays.
    expect(late.lockedUntil(acme.userKey, acme.bucket)).toBeDefined()
    await late.unlock(acme.userKey, unlockedAt)
    expect(late.lockedUntil(acme.userKey, acme.bucket)).toBeUndefined()
    expect(await late.state(acme.userKey)).toMatchObject([{ failures: 1 }])
  })

  test('write no key that lives for ever (B4)', async () => {
    const { port, admin } = await server()
    const one = await node(port, 1)
    await wrong(one, 'a')
    await wrong(one, 'a', { userKey: 'nobody', existing: false })
    const rules = { ...acme.rules, untilUnlocked: true, limit: 1 }
    await wrong(one, 'a', { userKey: 'for good', rules })
    await one.countSource('192.0.2.1')
    const keys = await admin.keys('*')
    expect(keys.filter((it) => !it.startsWith('test:era:'))).toHaveLength(3)
    const lives = await Promise.all(keys.map((key) => admin.pttl(key)))
    expect(Math.min(...lives)).toBeGreaterThan(0)
  })
})
