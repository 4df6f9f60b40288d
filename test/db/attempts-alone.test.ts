import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Attempts } from '../../db/attempts.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { createGatedRedis, type GatedRedis } from '../support/redis-gate.ts'
import { guardedRedis, sharedNode } from '../support/redis-node.ts'
import { begin, createTestClock, right, wrong, type TestClock } from './attempts-trial.ts'

describe.skipIf(withoutRedis)('one of three nodes that has lost Redis', () => {
  let server: RedisServer
  let clock: TestClock
  let gate: GatedRedis
  let attempts: Attempts
  let few: Attempts
  beforeAll(async () => {
    server = await startRedisServer()
  })
  afterAll(() => server.stop())
  beforeEach(async () => {
    clock = createTestClock()
    gate = createGatedRedis(await guardedRedis(server.target))
    const { now, elapsed } = clock
    const options = { redis: gate.redis, now, elapsed, sharedNow: now, nodes: () => 3 }
    attempts = (await sharedNode(server.target, options)).attempts
    few = (await sharedNode(server.target, { ...options, limits: { buckets: 4 } })).attempts
  })
  afterEach(async () => {
    await few.close()
    await attempts.close()
  })

  test('locks nobody for one wrong secret, which alone is more than its share', async () => {
    gate.set('shut')
    expect(await wrong(attempts, 'old')).toEqual({ outcome: 'reserved', counted: true })
    expect((await wrong(attempts, 'old')).outcome).toBe('known-wrong')
    expect(attempts.lockedUntil('acme', 'unknown')).toBeUndefined()
    expect(await right(attempts)).toBe('busy')
    gate.set('open')
    expect(await right(attempts)).toBe('cleared')
  })

  test('lets in the owner of a client that has an old secret since before', async () => {
    await wrong(attempts, 'old')
    gate.set('shut')
    for (let times = 0; times < 10; times++) {
      expect((await wrong(attempts, 'old')).outcome).not.toBe('busy')
      expect(await right(attempts)).toBe('cleared')
    }
  })

  test('gives out no second share to who makes it forget that the first is used up', async () => {
    const first = await begin(few, { fingerprint: 'a' })
    if (first.outcome !== 'reserved') throw new Error('expected a reservation')
    gate.set('shut')
    await few.fail(first.token)
    expect((await wrong(few, 'b')).outcome).toBe('reserved')
    for (let at = 0; at < 20; at++) {
      await right(few, { userKey: `other ${at}` })
      expect((await wrong(few, `secret ${at}`)).outcome).toBe('busy')
    }
    gate.set('open')
    expect((await wrong(few, 'c')).outcome).toBe('reserved')
  })

  test('locks at the limit of the account as ever', async () => {
    for (const secret of ['a', 'b', 'c', 'd']) await wrong(attempts, secret)
    gate.set('shut')
    expect(await wrong(attempts, 'e')).toMatchObject({ lock: { locks: 1, consecutive: 5 } })
    expect(await right(attempts)).toBe('locked')
  })
})
