import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { isWhole, openRedisClient, type ClientOptions, type RedisClient } from './redis-client.ts'
import { plainFailure, RedisFailure } from './redis-failures.ts'

/** A Lua script: one atomic step on keys that share a hash tag. */
export type Script = { readonly lua: string; readonly sha: string }

export const createScript = (lua: string): Script => ({ lua, sha: hash('sha1', lua, 'hex') })

/** What nodes share. Every call is answered or rejected within the time for a command. */
export type SharedRedis = {
  /** A key of ours. Those of one tag stand on one node of a cluster, so one script may take them. */
  readonly key: (kind: string, tag: string) => string
  /** Runs a script, which is sent again where Redis has forgotten it. */
  readonly run: (
    script: Script,
    keys: readonly string[],
    args: readonly (string | number)[],
  ) => Promise<unknown>
  /** Connected as far as is known; whether a write works is the breaker's business. */
  readonly isReady: () => boolean
  /** Writes, reads back and removes a key, once. */
  readonly probe: () => Promise<void>
  /** `probe`, with patience for a server that is just coming up; throws one clear line. */
  readonly check: () => Promise<void>
  /** A channel of ours, by its full name. */
  readonly channel: (kind: string) => string
  readonly publish: (channel: string, message: string) => Promise<void>
  /** A further connection with the same manners, such as one that listens to a channel. */
  readonly openAnother: () => RedisClient
  readonly close: () => Promise<void>
}

export type SharedRedisOptions = Omit<ClientOptions, 'commandTimeoutMs'> & {
  /** Stands before every key and channel. */
  readonly prefix: string
  readonly commandTimeoutMs?: number
  /** How long `check` waits for a server that is just coming up. */
  readonly checkMs?: number
  /** Told once when an outage begins, with words that hold no secret, and once when it is over. */
  readonly onDown: (why: string) => void
  readonly onUp: () => void
}

const COMMAND_MS = 50
const CHECK_MS = 5_000
const CHECK_AGAIN_MS = 50

const checkScript = createScript(`
redis.call('SET', KEYS[1], ARGV[1], 'PX', 10000)
local read = redis.call('GET', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('TIME')
return read`)

/** Tells the beginning and the end of each outage, whatever happens during it. */
const watchOutages = (
  client: RedisClient,
  { onDown, onUp }: Pick<SharedRedisOptions, 'onDown' | 'onUp'>,
) => {
  let isDown = false
  let last: unknown
  let isClosed = false
  const down = (error?: unknown): void => {
    if (isClosed) return
    last = error ?? last
    if (isDown) return
    isDown = true
    onDown(plainFailure(error).why)
  }
  client.on('error', down)
  client.on('close', () => {
    down()
  })
  client.on('ready', () => {
    last = undefined
    if (isDown) onUp()
    isDown = false
  })
  return {
    /** What went wrong last while nothing works. */
    lastError: (): unknown => last,
    close: (): void => {
      isClosed = true
    },
  }
}

/** Connects to Redis, and again whenever the connection is lost; never fails by itself. */
export const createRedis = (options: SharedRedisOptions): SharedRedis => {
  const { prefix, random, commandTimeoutMs = COMMAND_MS, checkMs = CHECK_MS } = options
  const wanted = { ...options, commandTimeoutMs }
  const client = openRedisClient(wanted)
  const outages = watchOutages(client, options)
  const isReady = (): boolean => client.status === 'ready'
  const key = (kind: string, tag: string): string => `${prefix}${kind}:{${tag}}`

  const run: SharedRedis['run'] = async ({ lua, sha }, keys, args) => {
    const rest = [...keys, ...args]
    try {
      return await client.evalsha(sha, keys.length, ...rest)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT')))
        throw plainFailure(error)
    }
    try {
      return await client.eval(lua, keys.length, ...rest)
    } catch (error) {
      throw plainFailure(error)
    }
  }

  const probe = async (): Promise<void> => {
    const value = random(16).toString('hex')
    const read = await run(checkScript, [key('check', value)], [value])
    if (read !== value) throw new RedisFailure('does not read back what was written', 'final')
  }

  const check = async (): Promise<void> => {
    for (let waited = 0; ; waited += CHECK_AGAIN_MS) {
      try {
        await probe()
        if (isWhole(client) || waited >= checkMs) return
      } catch (error) {
        // Why there is no connection says more than that there is none.
        const failure = plainFailure(outages.lastError() ?? error)
        if (failure.isFinal || waited >= checkMs) throw failure
      }
      await sleep(CHECK_AGAIN_MS)
    }
  }

  return {
    key,
    run,
    isReady,
    channel: (kind) => `${prefix}${kind}`,
    probe,
    check,
    publish: async (channel, message) => {
      try {
        await client.publish(channel, message)
      } catch (error) {
        throw plainFailure(error)
      }
    },
    openAnother: () => openRedisClient(wanted),
    close: async () => {
      outages.close()
      client.disconnect()
    },
  }
}
