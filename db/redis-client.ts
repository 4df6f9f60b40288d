import { Cluster, Redis, type DNSLookupFunction, type RedisOptions } from 'ioredis'
import type { Random } from './secrets.ts'

type Node = { readonly host: string; readonly port: number }

/** Where Redis is: one server, one that sentinels watch over, or a cluster. */
export type RedisTarget =
  | { readonly kind: 'single'; readonly url: string }
  | {
      readonly kind: 'sentinel'
      readonly name: string
      readonly sentinels: readonly Node[]
      readonly username?: string
      readonly password?: string
      readonly sentinelPassword?: string
      readonly db: number
      readonly tls: boolean
    }
  | {
      readonly kind: 'cluster'
      readonly nodes: readonly Node[]
      readonly username?: string
      readonly password?: string
      readonly tls: boolean
    }

export type RedisClient = Redis | Cluster

export type ClientOptions = {
  readonly target: RedisTarget
  readonly random: Random
  /** How long an answer is waited for. */
  readonly commandTimeoutMs: number
}

/** A connection that is silent for so long while an answer is due is given up (ms). */
const SILENCE_MS = 1_000

const CONNECT_MS = 2_000

const LONGEST_PAUSE_MS = 2_000

/** Tries for ever, each time later, and never in step with other nodes. */
const pauses =
  (random: Random) =>
  (times: number): number => {
    const longest = Math.min(50 * 2 ** Math.min(times, 16), LONGEST_PAUSE_MS)
    return Math.round((longest * (256 + random(1).readUInt8())) / 512)
  }

/** Nothing waits in a queue for better times: what cannot be sent now is answered now. */
const optionsOf = ({ random, commandTimeoutMs }: ClientOptions) =>
  ({
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // What cannot be listened to again would be a rejection that nobody hears: who listens sees to it.
    autoResubscribe: false,
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    retryStrategy: pauses(random),
    // A master that became a replica, as after a failover: look for the new one.
    reconnectOnError: ({ message }: Error) => message.startsWith('READONLY'),
  }) satisfies RedisOptions

type Manners = ReturnType<typeof optionsOf>

type Credentials = { readonly username?: string; readonly password?: string }

const credentialsOf = ({ username, password }: Credentials) => ({
  ...(username === undefined ? {} : { username }),
  ...(password === undefined ? {} : { password }),
})

type Of<Kind extends RedisTarget['kind']> = Extract<RedisTarget, { kind: Kind }>

const openSentinel = (target: Of<'sentinel'>, options: Manners): Redis => {
  const { name, sentinels, sentinelPassword, db, tls } = target
  return new Redis({
    ...options,
    ...credentialsOf(target),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls ? { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true } : {}),
    name,
    sentinels: sentinels.map((it) => ({ ...it })),
    db,
    sentinelCommandTimeout: SILENCE_MS,
    failoverDetector: true,
  })
}

const keepName: DNSLookupFunction = (host, told) => {
  told(null, host)
}

const openCluster = (target: Of<'cluster'>, options: Manners): Cluster => {
  const { retryStrategy, enableOfflineQueue, ...redisOptions } = options
  const cluster = new Cluster(
    target.nodes.map((it) => ({ ...it })),
    {
      redisOptions: {
        ...redisOptions,
        ...credentialsOf(target),
        ...(target.tls ? { tls: {} } : {}),
      },
      enableOfflineQueue,
      clusterRetryStrategy: retryStrategy,
      clusterNodeRetryStrategy: retryStrategy,
      // Nothing is tried again behind our back: a step that failed is judged anew.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      slotsRefreshTimeout: SILENCE_MS,
      slotsRefreshInterval: SILENCE_MS,
      // Certificates carry names, so names are not turned into addresses here.
      ...(target.tls ? { dnsLookup: keepName } : {}),
    },
  )
  // It would connect to a master with the first command for it, and refuse those that come meanwhile.
  cluster.on('+node', (node: Redis) => {
    if (node.options.readOnly !== true) node.connect().catch(() => undefined)
  })
  return cluster
}

/** Connected to every server that it may have to ask. */
export const isWhole = (client: RedisClient): boolean =>
  !(client instanceof Cluster) || client.nodes('master').every(({ status }) => status === 'ready')

/** Begins to connect and goes on trying for ever. The caller listens to `error` and disconnects. */
export const openRedisClient = (wanted: ClientOptions): RedisClient => {
  const { target } = wanted
  const options = optionsOf(wanted)
  if (target.kind === 'single') return new Redis(target.url, options)
  return target.kind === 'sentinel' ? openSentinel(target, options) : openCluster(target, options)
}
