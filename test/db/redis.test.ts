import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createScript, type SharedRedis } from '../../db/redis.ts'
import type { RedisTarget } from '../../db/redis-client.ts'
import type { RedisFailure } from '../../db/redis-failures.ts'
import { connectTo, startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'

/** It is waited for a Redis that may become usable, and no longer than that for one that will not. */
const checked = async (target: RedisTarget, checkMs = 5_000): Promise<string> => {
  const redis = connectTo(target, { checkMs })
  try {
    await redis.check()
    return 'usable'
  } catch (error) {
    return (error as RedisFailure).why
  } finally {
    await redis.close()
  }
}

describe.skipIf(withoutRedis)('a connection to Redis', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedisServer()
  })
  afterAll(() => server.stop())

  const connected = async (): Promise<SharedRedis> => {
    const redis = connectTo(server.target)
    onTestFinished(() => redis.close())
    await redis.check()
    return redis
  }

  test('is usable when a key can be written, read back and removed', async () => {
    expect(await checked(server.target)).toBe('usable')
    expect(await server.admin.dbsize()).toBe(0)
  })

  test('runs a script again after Redis has forgotten it', async () => {
    const redis = await connected()
    const script = createScript('return {KEYS[1], ARGV[1]}')
    expect(await redis.run(script, ['a'], [1])).toEqual(['a', '1'])
    await server.admin.script('FLUSH')
    expect(await redis.run(script, ['a'], [1])).toEqual(['a', '1'])
  })

  test('says what is wrong without the password that it was given', async () => {
    await server.admin.call('ACL', 'SETUSER', 'acme', 'on', '>right', '~*', '+@all', '-eval')
    const { port } = server
    const at = (user: string) =>
      ({ kind: 'single', url: `redis://${user}@127.0.0.1:${port}` }) as const
    expect(await checked(at('acme:hunter2'))).toBe('refuses the username or password')
    await server.admin.script('FLUSH')
    expect(await checked(at('acme:right'))).toMatch(/^does not permit/)
    expect(await checked({ kind: 'single', url: 'redis://x:hunter2@127.0.0.1:1' }, 500)).toBe(
      'cannot be reached (ECONNREFUSED)',
    )
  })

  test('is not usable on a replica or without memory', async () => {
    await server.admin.replicaof('127.0.0.1', '1')
    expect(await checked(server.target, 1_500)).toMatch(/^is a read-only replica/)
    await server.admin.replicaof('NO', 'ONE')
    await server.admin.config('SET', 'maxmemory', '1')
    expect(await checked(server.target, 1_500)).toMatch(/^has no memory left/)
    await server.admin.config('SET', 'maxmemory', '0')
    expect(await checked(server.target)).toBe('usable')
  })
})
