import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { serveCli, type Served } from './cli.ts'
import { temporaryFolder } from './database.ts'
import { basic, startGateway, type TestUser } from './gateway.ts'
import { startPostgresServer, type PostgresServer } from './postgres-server.ts'
import { startRecordingSmsc, type RecordingSmsc } from './recording-smsc.ts'
import { startRedisServer, type RedisServer } from './redis.ts'
import { connectEsme, type Esme } from './smsc.ts'
import { shortEnds } from './smpp-pair.ts'
import { startUpstream, type TestUpstream } from './upstream.ts'

export const password = 'the-right-secret'

/** How a bind was answered, and who asked for it. */
export type Bound = { readonly status: number | undefined; readonly esme: Esme }

/** Gateways as processes of their own, each with its own data folder, as on several machines. */
export type NodeProcesses = {
  readonly postgres: PostgresServer
  readonly redis: RedisServer
  readonly upstream: TestUpstream
  readonly smsc: RecordingSmsc
  /** The ids of the users, by their names. */
  readonly ids: ReadonlyMap<string, string>
  readonly urlOf: (place: number) => string
  readonly isDown: (place: number) => boolean
  /** `kill -9`. */
  readonly kill: (place: number) => Promise<void>
  readonly restart: (place: number) => Promise<void>
  /** The status of a call of the data plane. */
  readonly call: (place: number, username: string, secret?: string) => Promise<number>
  /** The status of the answer to a change by root through the admin API. */
  readonly disable: (place: number, username: string) => Promise<number>
  readonly metric: (place: number, name: string) => Promise<number>
  readonly bind: (place: number, username: string) => Promise<Bound>
}

const prepare = async (env: Readonly<Record<string, string>>, users: readonly string[]) => {
  const rows: readonly TestUser[] = users.map((username) => ({ username, password }))
  const gateway = await startGateway({ env })
  const ids = new Map<string, string>()
  for (const row of [...rows, { username: 'root', password, roles: ['account-admin'] }])
    ids.set(row.username, (await gateway.addUser(row)).id)
  await gateway.stop()
  return ids
}

const serve = (env: Readonly<Record<string, string>>, place: number, dataDir: string) => {
  const config = join(dataDir, 'settings.json')
  const limits = { limits: { floorMs: 0 }, smppLimits: { end: shortEnds, leaseMs: 5_000 } }
  const file = { nodeName: `node ${place}`, redisTimeoutMs: 1_000, ...limits }
  writeFileSync(config, JSON.stringify(file))
  return serveCli({ ...env, DATA_DIR: dataDir }, ['--config', config])
}

/** Starts them within a test, behind which they are gone. */
export const startNodeProcesses = async (
  count: number,
  users: readonly string[],
): Promise<NodeProcesses> => {
  const stopLater = <T extends { readonly stop: () => Promise<void> }>(it: T): T => {
    onTestFinished(it.stop)
    return it
  }
  const postgres = stopLater(await startPostgresServer())
  const redis = stopLater(await startRedisServer())
  const upstream = stopLater(await startUpstream())
  const smsc = await startRecordingSmsc()
  onTestFinished(smsc.close)
  const env = {
    DATABASE_URL: postgres.url,
    REDIS_URL: redis.url,
    HTTP_UPSTREAM: upstream.url,
    SMPP_UPSTREAM: `smpp://127.0.0.1:${smsc.port}`,
  }
  const ids = await prepare(env, users)
  const folders = Array.from({ length: count }, temporaryFolder)
  const nodes: Served[] = await Promise.all(folders.map((folder, at) => serve(env, at, folder)))
  const down = new Set<number>()
  const at = (place: number): Served => {
    const node = nodes[place]
    if (node === undefined) throw new Error('no such node')
    return node
  }
  const adminUrlOf = (place: number): string => `http://${String(at(place).listening['admin'])}`
  const statusOf = async (url: string, username: string, secret: string, method = 'GET') => {
    const headers = { authorization: basic(username, secret) }
    const response = await fetch(url, { method, headers })
    await response.arrayBuffer()
    return response.status
  }
  return {
    postgres,
    redis,
    upstream,
    smsc,
    ids,
    urlOf: (place) => at(place).url,
    isDown: (place) => down.has(place),
    kill: async (place) => {
      down.add(place)
      await at(place).end('SIGKILL')
    },
    restart: async (place) => {
      nodes[place] = await serve(env, place, folders[place] ?? '')
      down.delete(place)
    },
    call: (place, username, secret = password) => statusOf(at(place).url, username, secret),
    disable: (place, username) => {
      const url = `${adminUrlOf(place)}/api/v1/users/${ids.get(username) ?? ''}/disable`
      return statusOf(url, 'root', password, 'POST')
    },
    metric: async (place, name) => {
      const text = await (await fetch(`${adminUrlOf(place)}/metrics`)).text()
      return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    },
    bind: async (place, username) => {
      const esme = connectEsme(Number(String(at(place).listening['smpp']).split(':')[1]))
      const fields = { system_id: username, password }
      const { command_status: status } = await esme.ask('bind_transceiver', fields)
      return { status, esme }
    },
  }
}
