import { readFileSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { passwordAttempt, wordOf } from '../support/attempts.ts'
import { startGateway } from '../support/gateway.ts'
import { keepAlive } from '../support/keep-alive.ts'
import { startRedisServer, withoutRedis } from '../support/redis.ts'
import { bind, bound, until } from '../support/smpp-pair.ts'
import { startSmsc } from '../support/smsc.ts'

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')

/** As the README tells it to whoever makes the user. */
const [, told = ''] = /a Redis user needs ([^.]*)\./.exec(readme) ?? []
const rules = [...told.matchAll(/`([^`]+)`/g)].map(([, rule = '']) => rule)

test('the README tells the rules of a user that has no more than it needs', () => {
  expect(rules).toEqual(expect.arrayContaining(['~sallyport:*', '&sallyport:*']))
  expect(rules).not.toContain('+@all')
})

describe.skipIf(withoutRedis)('a Redis user by those rules', () => {
  test('counts failures, holds places and hears of changes', async () => {
    const redis = await startRedisServer()
    onTestFinished(redis.stop)
    await redis.admin.call('ACL', 'SETUSER', 'sallyport', 'on', '>secret', ...rules)
    const smsc = await startSmsc()
    onTestFinished(smsc.close)
    const gateway = await startGateway({
      env: {
        REDIS_URL: `redis://sallyport:secret@127.0.0.1:${redis.port}`,
        HTTP_UPSTREAM: 'http://127.0.0.1:9',
        SMPP_UPSTREAM: `smpp://127.0.0.1:${smsc.port}`,
      },
      file: { redisTimeoutMs: 5_000, limits: { floorMs: 0 } },
      users: [
        { username: 'alice', password: 'alice-secret-1' },
        { username: 'acme', password: 'the-right-secret' },
      ],
    })
    onTestFinished(gateway.stop)
    const { core } = gateway
    for (let at = 0; at < 5; at++) await core.authorize(passwordAttempt('acme', `wrong ${at}`))
    const last = await core.authorize(passwordAttempt('acme', 'the-right-secret'))
    expect(wordOf(last)).toBe('user-locked')
    for (let taken = 0; taken < 4; taken++) keepAlive(await bound(gateway.smppPort))
    expect((await bind(gateway.smppPort)).answer.status).toBe(0x0d)
    const heard: string[] = []
    core.shared?.broadcast.hear('test', (words) => heard.push(words))
    await until(async () => {
      await core.shared?.broadcast.say('test', 'a word')
      return heard.length > 0
    })
    const kinds = (await redis.admin.keys('*')).map((key) => key.split(':').slice(0, 2).join(':'))
    expect(kinds).toEqual(
      expect.arrayContaining(['sallyport:attempts', 'sallyport:binds', 'sallyport:window']),
    )
    expect(core.isDegraded()).toBe(false)
    const denied = (await redis.admin.call('ACL', 'LOG')) as unknown[]
    expect(denied).toEqual([])
  })
})
