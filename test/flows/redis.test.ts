import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { transact } from '../../db/database.ts'
import { findLocks, unlockUser } from '../../db/locks.ts'
import { findPrincipal } from '../../db/principals.ts'
import { systemActor } from '../../db/record.ts'
import type { Core } from '../../gateway/core.ts'
import { passwordAttempt, wordOf } from '../support/attempts.ts'
import { basic, startGateway, type TestGateway, type TestOptions } from '../support/gateway.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'

const patient = { timeout: 20_000, interval: 50 }

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
    expect(one.logged.join('')).toContain('kept in Redis')
    await two.stop()
    await one.stop()
  })

  test('holds a lock that Redis forgot, and ends it on every node when an admin unlocks (I2)', async () => {
    const one = await start({ users: [{ username: 'forgotten', password }] })
    const two = await start({ dataDir: one.dataDir })
    const cores = [one.core, two.core]
    const word = async ({ authorize }: Core, secret = password): Promise<string> =>
      wordOf(await authorize(passwordAttempt('forgotten', secret)))
    for (let at = 0; at < 5; at++) await word(one.core, `wrong ${at}`)
    const user = (await one.core.directory.find('forgotten'))?.user
    if (user === undefined) throw new Error('no user')
    await expect
      .poll(() => findLocks(one.core.database, user.id, Date.now()), patient)
      .toHaveLength(1)
    await redis.admin.flushall()
    const three = await start({ dataDir: one.dataDir })
    for (const core of [...cores, three.core]) expect(await word(core)).toBe('user-locked')
    await transact(two.core.database, (tx) =>
      unlockUser(tx, { actor: systemActor, userId: user.id }),
    )
    for (const core of [...cores, three.core])
      await expect.poll(() => word(core), patient).toBe('permit')
    expect(await redis.admin.keys('sallyport:attempts:*')).toEqual([])
    for (const it of [three, two, one]) await it.stop()
  })

  test('lets a user in from a known source while a botnet guesses at two processes (B13)', async () => {
    const one = await start({ users: [{ username: 'popular', password }] })
    const two = await start({ dataDir: one.dataDir })
    const home = '203.0.113.9'
    expect(wordOf(await one.core.authorize(passwordAttempt('popular', password, home)))).toBe(
      'permit',
    )
    // Where users came from is written once a second.
    await expect
      .poll(
        async () => (await findPrincipal(two.core.database, 'popular'))?.knownSources.size,
        patient,
      )
      .toBe(1)
    for (let at = 0; at < 40; at++) {
      const { core } = at % 2 === 0 ? one : two
      const bot = passwordAttempt('popular', `guess ${at}`, `198.51.100.${at}`)
      expect(wordOf(await core.authorize(bot))).not.toBe('permit')
    }
    for (const { core } of [one, two])
      await expect
        .poll(
          async () => wordOf(await core.authorize(passwordAttempt('popular', password, home))),
          patient,
        )
        .toBe('permit')
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
