import { afterEach, describe, expect, test } from 'vitest'
import type { Attempts } from '../../db/attempts.ts'
import { startRedisServer, withoutRedis, type RedisServer } from '../support/redis.ts'
import { sharedNode, type SharedNode } from '../support/redis-node.ts'
import { startFaultProxy, type FaultProxy } from '../support/tcp-fault-proxy.ts'
import { acme, lockOut, right, wrong } from '../db/attempts-trial.ts'

/** Far more than one command may take, and still less than anything that waits for Redis. */
const bounded = 5_000

const patient = { timeout: 20_000, interval: 20 }

type Stage = { readonly server: RedisServer; readonly proxy: FaultProxy }

type Fault = {
  /** Redis does not say that it is of no use: only a command's deadline tells. */
  readonly isSilent?: true
  readonly spoil: (stage: Stage) => unknown
  readonly mend: (stage: Stage) => unknown
}

const loadsSlowly = [
  ...['--key-load-delay', '20000', '--loading-process-events-interval-bytes', '1024'],
  ...['--dbfilename', 'dump.rdb'],
]

const faults: readonly (readonly [string, Fault])[] = [
  [
    'refuses connections',
    { spoil: ({ server }) => server.kill(), mend: ({ server }) => server.restart() },
  ],
  [
    'is silent (SIGSTOP)',
    {
      isSilent: true,
      spoil: ({ server }) => {
        server.signal('SIGSTOP')
      },
      mend: ({ server }) => {
        server.signal('SIGCONT')
      },
    },
  ],
  [
    'is silent behind a network that swallows all',
    {
      isSilent: true,
      spoil: ({ proxy }) => {
        proxy.set({ kind: 'blackhole' })
      },
      mend: ({ proxy }) => {
        proxy.set({ kind: 'none' })
      },
    },
  ],
  [
    'is slow by 2 s',
    {
      isSilent: true,
      spoil: ({ proxy }) => {
        proxy.set({ kind: 'slow', ms: 2_000 })
      },
      mend: ({ proxy }) => {
        proxy.set({ kind: 'none' })
      },
    },
  ],
  [
    'resets every connection',
    {
      spoil: ({ proxy }) => {
        proxy.set({ kind: 'reset' })
      },
      mend: ({ proxy }) => {
        proxy.set({ kind: 'none' })
      },
    },
  ],
  [
    'is a read-only replica',
    {
      spoil: ({ server }) => server.admin.replicaof('127.0.0.1', '1'),
      mend: ({ server }) => server.admin.replicaof('NO', 'ONE'),
    },
  ],
  [
    'is out of memory',
    {
      spoil: ({ server }) => server.admin.config('SET', 'maxmemory', '1'),
      mend: ({ server }) => server.admin.config('SET', 'maxmemory', '0'),
    },
  ],
  [
    'is loading its data',
    {
      spoil: async ({ server }) => {
        const filler = 'x'.repeat(2_048)
        for (let at = 0; at < 100; at++) await server.admin.set(`filler ${at}`, filler)
        await server.admin.save()
        await server.kill()
        await server.restart(false)
      },
      // It ends by itself.
      mend: () => undefined,
    },
  ],
]

describe.skipIf(withoutRedis)('Redis', () => {
  const started: { stop: () => Promise<void> }[] = []
  const nodes: SharedNode[] = []
  afterEach(async () => {
    for (const { attempts } of nodes.splice(0)) await attempts.close()
    for (const it of started.splice(0).reverse()) await it.stop()
  })

  const stage = async (): Promise<Stage> => {
    const server = await startRedisServer(loadsSlowly)
    const proxy = await startFaultProxy(server.port)
    started.push(server, proxy)
    return { server, proxy }
  }
  /** A node that has patience with a busy machine, but not much with a Redis that is silent. */
  const node = async (port: number, { isSilent }: Partial<Fault> = {}): Promise<SharedNode> => {
    const target = { kind: 'single', url: `redis://127.0.0.1:${port}` } as const
    const made = await sharedNode(target, {
      ...{ prefix: 'test:', commandTimeoutMs: isSilent ? 500 : 5_000, patienceMs: 25 },
      nodes: () => 3,
    })
    nodes.push(made)
    return made
  }
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const began = performance.now()
    const result = await work()
    expect(performance.now() - began).toBeLessThan(bounded)
    return result
  }
  const failuresOf = async (attempts: Attempts, userKey: string): Promise<number> =>
    (await attempts.state(userKey)).reduce((sum, { failures }) => sum + failures, 0)

  test.each(faults)(
    'that %s leaves each node its share, and is told of it after (I1)',
    async (_, fault) => {
      const at = await stage()
      const { attempts, redis } = await node(at.proxy.port, fault)
      await lockOut(attempts, { userKey: 'locked' })
      await wrong(attempts, 'a')
      await fault.spoil(at)

      // One more than is known, though the limit is five: two other nodes do the same.
      const outcomes = []
      for (const secret of ['b', 'c', 'd', 'e', 'f'])
        outcomes.push((await timed(() => wrong(attempts, secret))).outcome)
      expect(outcomes.filter((it) => it === 'reserved')).toHaveLength(1)
      expect(await timed(() => right(attempts))).toBe('busy')
      expect(await timed(() => right(attempts, { userKey: 'locked' }))).toBe('locked')
      expect(await timed(() => right(attempts, { userKey: 'other' }))).toBe('cleared')
      await timed(() => attempts.countSource('192.0.2.1'))
      await expect.poll(redis.isAway, patient).toBe(true)

      await fault.mend(at)
      await expect.poll(redis.isAway, patient).toBe(false)
      const other = await node(at.server.port)
      await expect.poll(() => failuresOf(other.attempts, acme.userKey), patient).toBe(2)
      expect(await right(attempts, { userKey: 'locked' })).toBe('locked')
      expect(await right(other.attempts)).toBe('cleared')
      expect(await right(other.attempts, { userKey: 'other' })).toBe('cleared')
    },
  )

  test('that has forgotten its scripts is told them again (I1)', async () => {
    const { server } = await stage()
    const { attempts, redis } = await node(server.port)
    await wrong(attempts, 'a')
    await server.admin.script('FLUSH')
    await wrong(attempts, 'b')
    expect(await failuresOf(attempts, acme.userKey)).toBe(2)
    expect(redis.isAway()).toBe(false)
  })

  test('that was flushed: known locks hold, and come back into it (I2)', async () => {
    const { server } = await stage()
    const one = await node(server.port)
    await lockOut(one.attempts)
    await server.admin.flushall()
    expect(await right(one.attempts)).toBe('locked')
    const other = await node(server.port)
    expect(await right(other.attempts)).toBe('locked')
  })
})
