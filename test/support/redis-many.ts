import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { setTimeout as sleep } from 'node:timers/promises'
import type { RedisTarget } from '../../db/redis-client.ts'
import { freePort, startRedisServer, type RedisServer } from './redis.ts'

/** Looks again and again, also outside of a test; throws in the end. */
const untilSo = async (isSo: () => Promise<boolean>): Promise<void> => {
  for (let tries = 0; tries < 600; tries++) {
    if (await isSo()) return
    await sleep(50)
  }
  throw new Error('it has not become so')
}

const slots = 16_384

export type RedisCluster = {
  readonly target: RedisTarget
  readonly masters: readonly RedisServer[]
  readonly stop: () => Promise<void>
}

/** Three masters that share the slots. */
export const startRedisCluster = async (): Promise<RedisCluster> => {
  const masters: RedisServer[] = []
  for (let at = 0; at < 3; at++) {
    const bus = ['--cluster-port', String(await freePort())]
    masters.push(await startRedisServer(['--cluster-enabled', 'yes', ...bus]))
  }
  const [first] = masters
  for (const [at, { admin, port }] of masters.entries()) {
    const from = Math.ceil((slots * at) / 3)
    const to = Math.ceil((slots * (at + 1)) / 3) - 1
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
    const [, bus] = await admin.config('GET', 'cluster-port')
    await first?.admin.call('CLUSTER', 'MEET', '127.0.0.1', port, bus ?? '')
  }
  for (const { admin } of masters)
    await untilSo(async () =>
      String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'),
    )
  return {
    masters,
    target: {
      kind: 'cluster',
      nodes: masters.map(({ port }) => ({ host: '127.0.0.1', port })),
      tls: false,
    },
    stop: async () => {
      for (const it of masters) await it.stop()
    },
  }
}

/** How many replicas a sentinel knows of. */
const knownReplicas = async (port: number): Promise<number> => {
  const sentinel = new Redis({ port, host: '127.0.0.1', retryStrategy: () => 20 })
  sentinel.on('error', () => undefined)
  try {
    return ((await sentinel.call('SENTINEL', 'REPLICAS', 'main')) as unknown[]).length
  } finally {
    sentinel.disconnect()
  }
}

export type WatchedRedis = {
  readonly target: RedisTarget
  readonly master: RedisServer
  readonly replica: RedisServer
  readonly stop: () => Promise<void>
}

/** A master, a replica, and a sentinel that puts the one in the place of the other. */
export const startWatchedRedis = async (): Promise<WatchedRedis> => {
  const master = await startRedisServer()
  const replica = await startRedisServer(['--replicaof', '127.0.0.1', String(master.port)])
  await untilSo(async () => (await replica.admin.info('replication')).includes('link_status:up'))
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-sentinel-'))
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  writeFileSync(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor main 127.0.0.1 ${master.port} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 5000',
      '',
    ].join('\n'),
  )
  const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' })
  // A replica that is not known yet is put in nobody's place.
  await untilSo(async () => (await knownReplicas(port)) === 1)
  return {
    master,
    replica,
    target: {
      kind: 'sentinel',
      name: 'main',
      sentinels: [{ host: '127.0.0.1', port }],
      db: 0,
      tls: false,
    },
    stop: async () => {
      sentinel.kill('SIGKILL')
      await once(sentinel, 'exit')
      await replica.stop()
      await master.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
