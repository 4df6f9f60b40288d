import type { RequestListener } from 'node:http'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway, type TestGateway, type TestUser } from './gateway.ts'
import type { Answer, RecordingSmsc } from './recording-smsc.ts'
import { startRecordingSmsc } from './recording-smsc.ts'
import { startRedisServer, type RedisServer } from './redis.ts'
import { shortEnds, until } from './smpp-pair.ts'
import { startUpstream, type TestUpstream } from './upstream.ts'

/** Several gateways on one directory and one Redis, with one upstream of each kind behind them. */
export type Nodes = {
  readonly gateways: readonly TestGateway[]
  /** The one at that place. */
  readonly at: (place: number) => TestGateway
  readonly redis: RedisServer
  readonly smsc: RecordingSmsc
  readonly upstream: TestUpstream
  /** What a further node is started with. */
  readonly env: Readonly<Record<string, string>>
  /** Kills Redis; all know it when this resolves. */
  readonly loseRedis: () => Promise<void>
  /** Starts it again, empty; all know it when this resolves. */
  readonly regainRedis: () => Promise<void>
  readonly stop: () => Promise<void>
}

export type NodesOptions = {
  readonly answer?: Answer
  readonly listener?: RequestListener
  readonly file?: Readonly<Record<string, unknown>>
  /** Routes beside the one that leads everything to the upstream of that URL. */
  readonly routes?: (upstream: string) => readonly object[]
  readonly users?: readonly TestUser[]
}

export const startNodes = async (count: number, options: NodesOptions = {}): Promise<Nodes> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-nodes-'))
  const redis = await startRedisServer()
  const smsc = await startRecordingSmsc(options.answer)
  const upstream = await startUpstream(undefined, options.listener)
  const env = {
    REDIS_URL: redis.url,
    DATA_DIR: dataDir,
    HTTP_UPSTREAM: upstream.url,
    SMPP_UPSTREAM: `smpp://127.0.0.1:${smsc.port}`,
  }
  const { smppLimits = {}, ...file } = options.file ?? {}
  const gateways: TestGateway[] = []
  for (let place = 0; place < count; place++)
    gateways.push(
      await startGateway({
        env,
        dataDir,
        file: {
          nodeName: `node ${place}`,
          // A test machine may be busy.
          redisTimeoutMs: 5_000,
          limits: { floorMs: 0 },
          smppLimits: { end: shortEnds, ...(smppLimits as object) },
          ...(options.routes && { routes: options.routes(upstream.url) }),
          ...file,
        },
        users: place === 0 ? (options.users ?? []) : [],
      }),
    )
  const isAway = ({ core }: TestGateway): boolean => core.shared?.redis.isAway() === true
  return {
    gateways,
    at: (place) => {
      const gateway = gateways[place]
      if (gateway === undefined) throw new Error('no such node')
      return gateway
    },
    redis,
    smsc,
    upstream,
    env,
    loseRedis: async () => {
      await redis.kill()
      await until(() => gateways.every(isAway))
    },
    regainRedis: async () => {
      await redis.restart()
      await until(() => !gateways.some(isAway))
    },
    stop: async () => {
      for (const gateway of gateways) await gateway.stop()
      await upstream.stop()
      smsc.close()
      await redis.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
