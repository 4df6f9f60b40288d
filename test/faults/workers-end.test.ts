import { describe, expect, test } from 'vitest'
import { withoutRedis } from '../support/redis.ts'
import {
  ask,
  bothUp,
  onEach,
  permits,
  serveWorkers,
  until,
  type ServedByWorkers,
} from '../support/workers.ts'

/** Answers `/slow` after two seconds, `/never` never, and the rest at once. */
const slowly: NonNullable<Parameters<typeof serveWorkers>[0]>['answer'] = ({ url }, outgoing) => {
  if (url === '/slow') setTimeout(() => outgoing.end('slow'), 2_000)
  else if (url !== '/never') outgoing.end('ok')
}

const drainMs = 4_000

const serve = (): Promise<ServedByWorkers> =>
  serveWorkers({ answer: slowly, file: { limits: { drainMs } } })

/** Slow requests on each worker, all of them under way. */
const slowOnBoth = async (gateway: ServedByWorkers) => {
  const slow: ReturnType<typeof ask>[] = []
  await onEach(gateway, async () => {
    const before = slow.length
    slow.push(ask(`${gateway.url}/slow`), ask(`${gateway.url}/slow`))
    await until(() => gateway.upstream.seen.length).toBe(before + 2)
  })
  return slow
}

const kill = (pid: number | undefined, signal: NodeJS.Signals): void => {
  if (pid !== undefined) process.kill(pid, signal)
}

const nothingLeft = (gateway: ServedByWorkers) => until(() => gateway.processes()).toEqual([])

describe.skipIf(withoutRedis)('of a gateway of two workers', { timeout: 90_000 }, () => {
  test('one that is killed under load loses what it had in hand, and is replaced', async () => {
    const gateway = await serve()
    const results: (number | string)[] = []
    let isOver = false
    const clients = Array.from({ length: 8 }, async () => {
      while (!isOver) results.push(await ask(gateway.url))
    })
    await until(() => results.length).toBeGreaterThan(100)
    const [victim] = gateway.pids()
    kill(victim, 'SIGKILL')
    await until(() => gateway.logged('worker-ended').length).toBe(1)
    const before = results.length
    await until(() => results.length).toBeGreaterThan(before + 100)
    await bothUp(gateway)
    isOver = true
    await Promise.all(clients)
    expect(gateway.logged('worker-ended')[0]).toMatchObject({ pid: victim, signal: 'SIGKILL' })
    expect(results.filter((result) => result !== 200).length).toBeLessThanOrEqual(8)
    expect(results).not.toContain('late')
    expect(results).not.toContain(503)
    expect(await ask(gateway.url)).toBe(200)
  })

  test('what one had counted stays in the sum when it has ended', async () => {
    const gateway = await serve()
    await onEach(gateway, async () => {
      for (let at = 0; at < 5; at++) await ask(gateway.url)
    })
    expect(await permits(gateway)).toBe(10)
    kill(gateway.pids()[0], 'SIGKILL')
    await until(() => gateway.logged('worker-ended').length).toBe(1)
    await bothUp(gateway)
    for (let at = 0; at < 10; at++) await ask(gateway.url)
    for (let at = 0; at < 3; at++) expect(await permits(gateway)).toBe(20)
  })

  test('one that ends again and again is replaced later and later', async () => {
    const gateway = await serve()
    for (let times = 1; times <= 3; times++) {
      const worker = gateway.logged('worker-up').findLast((line) => line['worker'] === 1)
      kill(Number(worker?.['pid']), 'SIGKILL')
      await until(() => gateway.logged('worker-ended').length).toBe(times)
      await bothUp(gateway)
    }
    const pauses = gateway.logged('worker-ended').map(({ pauseMs }) => pauseMs)
    const [first = 0, second = 0, third = 0] = pauses.map(Number)
    expect(second).toBeGreaterThan(first)
    expect(third).toBeGreaterThan(second)
    expect(await ask(gateway.url)).toBe(200)
  })

  test('one that gets SIGTERM answers what it has, and is replaced', async () => {
    const gateway = await serve()
    const slow = await slowOnBoth(gateway)
    kill(gateway.pids()[0], 'SIGTERM')
    expect(await Promise.all(slow)).toEqual([200, 200, 200, 200])
    await until(() => gateway.logged('worker-ended').length).toBe(1)
    expect(gateway.logged('worker-ended')[0]).toMatchObject({ code: 0 })
    await bothUp(gateway)
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('%s ends all after what they have', async (signal) => {
    const gateway = await serve()
    const slow = await slowOnBoth(gateway)
    const never = ask(`${gateway.url}/never`)
    await until(() => gateway.upstream.seen.length).toBe(5)
    const ended = await gateway.end(signal)
    expect(await Promise.all(slow)).toEqual([200, 200, 200, 200])
    expect(await never).not.toBe(200)
    expect(ended).toMatchObject({ code: 0, signal: null, err: '' })
    expect(gateway.processes()).toEqual([])
    expect(gateway.logged('worker-ended')).toEqual([])
  })

  test('a signal to the whole group, and again, ends them as one to the primary does', async () => {
    const gateway = await serve()
    const slow = await slowOnBoth(gateway)
    for (const pid of [...gateway.pids(), ...gateway.pids()]) kill(pid, 'SIGTERM')
    gateway.child.kill('SIGTERM')
    const ended = await gateway.end('SIGTERM')
    expect(await Promise.all(slow)).toEqual([200, 200, 200, 200])
    expect(ended).toMatchObject({ code: 0, signal: null, err: '' })
    expect(gateway.processes()).toEqual([])
  })

  test('one that does not end in time is killed, and that is no good end', async () => {
    const gateway = await serve()
    kill(gateway.pids()[0], 'SIGSTOP')
    const ended = await gateway.end('SIGTERM')
    expect(ended).toMatchObject({ code: 1, signal: null })
    expect(ended.tookMs).toBeGreaterThan(drainMs * 0.8)
    expect(gateway.processes()).toEqual([])
  })

  test('all end by themselves, after what they have, when the primary is killed', async () => {
    const gateway = await serve()
    const slow = await slowOnBoth(gateway)
    gateway.child.kill('SIGKILL')
    expect(await Promise.all(slow)).toEqual([200, 200, 200, 200])
    await nothingLeft(gateway)
  })

  test('a signal while they are still starting leaves nothing', async () => {
    let cameUp = Infinity
    // This process may be held up for so long that one is up again: then it was no test.
    for (let tries = 0; tries < 3 && cameUp > 0; tries++) {
      const gateway = await serve()
      const [first, second] = gateway.pids()
      kill(first, 'SIGKILL')
      kill(second, 'SIGKILL')
      await until(() => gateway.logged('worker-ended').length).toBe(2)
      expect(await gateway.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
      expect(gateway.processes()).toEqual([])
      cameUp = gateway.logged('worker-up').length - 2
    }
    expect(cameUp).toBe(0)
  })
})
