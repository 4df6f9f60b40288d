import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passwordAttempt, wordOf } from '../support/attempts.ts'
import { basic, startGateway, type TestGateway, type TestOptions } from '../support/gateway.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'

const password = 'correct horse battery'

/** How often each command was run, as Redis counts. */
const commandsOf = async ({ admin }: RedisServer): Promise<number> => {
  const calls = (await admin.info('commandstats')).matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)
  const ours = [...calls].filter(
    ([, name]) => !/^(?:info|ping|config|client|hello)/.test(name ?? ''),
  )
  return ours.reduce((sum, [, , count]) => sum + Number(count), 0)
}

describe.skipIf(withoutRedis)('a gateway with Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedisServer()
  })
  afterAll(() => redis.stop())

  const start = (options: TestOptions = {}): Promise<TestGateway> =>
    startGateway({
      env: { REDIS_URL: redis.url },
      ...options,
      // A test machine may be busy.
      file: { redisTimeoutMs: 5_000, ...options.file },
    })

  test('counts failures together with a second process on the same directory, and says so', async () => {
    const one = await start({ users: [{ username: 'acme', password }] })
    const two = await start({ dataDir: one.dataDir })
    const tried = []
    for (let at = 0; at < 6; at++) {
      const { core } = at % 2 === 0 ? one : two
      tried.push(wordOf(await core.authorize(passwordAttempt('acme', `wrong ${at}`))))
    }
    expect(tried).toEqual([...Array<string>(5).fill('secret-wrong'), 'user-locked'])
    for (const { core } of [one, two])
      expect(wordOf(await core.authorize(passwordAttempt('acme', password)))).toBe('user-locked')
    expect(one.logged.join('')).toContain('counted in Redis')
    await two.stop()
    await one.stop()
  })

  test('asks Redis nothing for a credential that it knows', async () => {
    const gateway = await start({ users: [{ username: 'known', password }] })
    const call = (): Promise<Response> =>
      fetch(gateway.url, { headers: { authorization: basic('known', password) } })
    expect((await call()).status).toBe(200)
    const before = await commandsOf(redis)
    for (let at = 0; at < 50; at++) expect((await call()).status).toBe(200)
    // What tells of a node's life, and of the breaker's, is not of a request.
    expect((await commandsOf(redis)) - before).toBeLessThan(10)
    await gateway.stop()
  })

  test('keeps its keys behind the prefix that it was given', async () => {
    const gateway = await start({
      file: { redisPrefix: 'other:' },
      users: [{ username: 'prefixed', password }],
    })
    await gateway.core.authorize(passwordAttempt('prefixed', 'wrong'))
    expect(await redis.admin.keys('other:attempts:*')).toHaveLength(1)
    await gateway.stop()
  })

  test('does not start without a Redis that can be written, and names the setting', async () => {
    await expect(start({ env: { REDIS_URL: 'redis://:hunter2@127.0.0.1:1' } })).rejects.toThrow(
      /^REDIS_URL: Redis cannot be reached \(ECONNREFUSED\)$/,
    )
    await redis.admin.replicaof('127.0.0.1', '1')
    await expect(start()).rejects.toThrow(/^REDIS_URL: Redis is a read-only replica/)
    await redis.admin.replicaof('NO', 'ONE')
  })
})
