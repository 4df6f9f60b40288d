import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { basic } from '../support/gateway.ts'
import { serveCli } from '../support/cli.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { percentile, startSteadyLoad, type Sent } from '../support/steady-load.ts'
import { startUpstream } from '../support/upstream.ts'
import { alicesPassword, usedFolder } from '../support/used-folder.ts'

const patient = { timeout: 30_000, interval: 50 }

/** How long each phase is measured, in ms. */
const PHASE_MS = 3_000

const losses: readonly (readonly [string, (redis: RedisServer) => unknown])[] = [
  ['is killed', ({ kill }) => kill()],
  [
    'stands still',
    ({ signal }) => {
      signal('SIGSTOP')
    },
  ],
]

const serveUnderLoad = async () => {
  const redis = await startRedisServer()
  onTestFinished(redis.stop)
  const upstream = await startUpstream()
  onTestFinished(upstream.stop)
  const gateway = await serveCli({
    ...{ REDIS_URL: redis.url, HTTP_UPSTREAM: upstream.url, DATA_DIR: await usedFolder() },
    SMPP_UPSTREAM: 'smpp://127.0.0.1:9',
  })
  const alice = basic('alice', alicesPassword)
  const status = async (authorization: string): Promise<number> =>
    (await fetch(gateway.url, { headers: { authorization } })).status
  expect(await status(alice)).toBe(200)
  const load = startSteadyLoad({
    ...{ urlOf: () => gateway.url, isDown: () => false, places: 1, everyMs: 5 },
    authorizations: [alice],
  })
  const degraded = async (): Promise<number> => {
    const url = `http://${String(gateway.listening['admin'])}/metrics`
    const text = await (await fetch(url)).text()
    return Number(/^sallyport_degraded (\d)$/m.exec(text)?.[1])
  }
  /** What is sent from now on for a while, all of it answered. */
  const phase = async (): Promise<readonly Sent[]> => {
    const began = performance.now()
    await wait(PHASE_MS)
    const ended = performance.now()
    return load.since(began).filter(({ startedAt }) => startedAt < ended)
  }
  return { redis, load, status, degraded, phase }
}

describe.skipIf(withoutRedis)('Redis is lost under load', () => {
  test.each(losses)('when it %s: permitted requests go on, about as fast', async (...args) => {
    const [, lose] = args
    const { redis, load, status, degraded, phase } = await serveUnderLoad()
    await phase()
    const usual = await phase()
    const guesses = Array.from({ length: 40 }, (_, at) => basic(`nobody-${at % 8}`, `wrong ${at}`))
    const losing = phase()
    await lose(redis)
    // What is refused asks Redis, or would.
    const refused = await Promise.all(guesses.map(status))
    const lost = await losing
    await expect.poll(degraded, patient).toBe(1)
    redis.signal('SIGCONT')
    await redis.kill()
    await redis.restart()
    await expect.poll(degraded, patient).toBe(0)
    const after = await phase()
    await load.stop()

    expect(new Set(refused)).toEqual(new Set([401]))
    expect(load.sent.filter(({ status: it }) => it !== 200)).toEqual([])
    const [before, during, then] = [usual, lost, after].map((sent) => percentile(sent, 99))
    console.info(
      `p99 ${args[0]}: ${[before, during, then].map((ms) => ms?.toFixed(1)).join(' → ')}`,
    )
    expect(during).toBeLessThan(Number(before) + 500)
  })
})
