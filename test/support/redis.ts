import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { Redis } from 'ioredis'
import { createRedis, type SharedRedis, type SharedRedisOptions } from '../../db/redis.ts'
import type { RedisTarget } from '../../db/redis-client.ts'

const isInstalled = (process.env['PATH'] ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'redis-server')))

if (!isInstalled && process.env['REQUIRE_REDIS'] === '1')
  throw new Error('REQUIRE_REDIS: there is no redis-server')

/** For `describe.skipIf`: tests on Redis are skipped where it is not installed. */
export const withoutRedis = !isInstalled

/** A port that is free now. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const children = new Set<ChildProcess>()

// A test that fails before it could stop them leaves nothing behind.
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** A Redis of the test's own, in a folder of its own. */
export type RedisServer = {
  readonly port: number
  readonly url: string
  readonly target: RedisTarget
  /** For the test itself: waits for as long as it takes. */
  readonly admin: Redis
  readonly process: () => ChildProcess
  readonly signal: (signal: NodeJS.Signals) => void
  /** Killed at once, with all that it held unless it saves. */
  readonly kill: () => Promise<void>
  /** Started again on the same port; waits until it answers unless told otherwise. */
  readonly restart: (awaitReady?: boolean) => Promise<void>
  readonly stop: () => Promise<void>
}

export const startRedisServer = async (args: readonly string[] = []): Promise<RedisServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-redis-'))
  const port = await freePort()
  const usual = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder]
  const plain = ['--save', '', '--appendonly', 'no', '--loglevel', 'warning']
  const admin = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
  })
  admin.on('error', () => undefined)
  let child: ChildProcess
  const begin = async (awaitReady = true): Promise<void> => {
    child = spawn('redis-server', [...usual, ...plain, ...args], { stdio: 'ignore' })
    children.add(child)
    if (awaitReady) await admin.ping()
  }
  await begin()
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    target: { kind: 'single', url: `redis://127.0.0.1:${port}` },
    admin,
    process: () => child,
    signal: (signal) => void child.kill(signal),
    kill,
    restart: begin,
    stop: async () => {
      admin.disconnect()
      await kill()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** A connection as the gateway makes it, patient unless the test is about haste. */
export const connectTo = (
  target: RedisTarget,
  options: Partial<SharedRedisOptions> = {},
): SharedRedis =>
  createRedis({
    target,
    prefix: `test-${randomBytes(6).toString('hex')}:`,
    random: randomBytes,
    commandTimeoutMs: 5_000,
    onDown: () => undefined,
    onUp: () => undefined,
    ...options,
  })
