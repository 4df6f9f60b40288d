import { LEASE_MS, type BindLeases, type Lease, type Taken } from './bind-leases.ts'
import { RedisFailure } from './redis-failures.ts'
import { createScript, type Script, type SharedRedis } from './redis.ts'

/** A sorted set for each user: ids by the ends of their leases, in ms of Redis's own clock. */
const prune = `
local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
`

const readings = `
local id, limit, lease = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local isFull = redis.call('ZCARD', KEYS[1]) >= limit and not redis.call('ZSCORE', KEYS[1], id)
`

/** The last of the leases is put off by this step, so the set may go when it does. */
const hold = `
redis.call('ZADD', KEYS[1], now + lease, id)
redis.call('PEXPIRE', KEYS[1], lease)
`

const takeScript = createScript(`${prune}${readings}
if isFull then
  local oldest = false
  for _, held in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if not oldest or held < oldest then oldest = held end
  end
  return { 'full', oldest }
end
${hold}
return { 'taken' }`)

const renewScript = createScript(`${prune}${readings}
if isFull then
  local newest = ''
  for _, held in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if held > newest then newest = held end
  end
  if newest < id then return 0 end
  redis.call('ZREM', KEYS[1], newest)
end
${hold}
return 1`)

const releaseScript = createScript(`redis.call('ZREM', KEYS[1], ARGV[1])`)

const countScript = createScript(`${prune}
return redis.call('ZCARD', KEYS[1])`)

const readTaken = (answer: unknown): Taken => {
  const [outcome, oldest] = (Array.isArray(answer) ? answer : []) as readonly unknown[]
  if (outcome === 'taken') return { outcome }
  if (outcome === 'full')
    return { outcome, oldest: typeof oldest === 'string' ? oldest : undefined }
  throw new RedisFailure('answers what was not asked')
}

export type RedisBindLeasesOptions = {
  readonly redis: Pick<SharedRedis, 'key' | 'run'>
  readonly leaseMs?: number
  /** For tests alone: else Redis's clock, which is the same for all nodes. */
  readonly now?: () => number
}

/** The leases of all processes that share a Redis. */
export const createRedisBindLeases = ({
  redis,
  leaseMs = LEASE_MS,
  now,
}: RedisBindLeasesOptions): BindLeases => {
  const keysOf = (userKey: string): string[] => [redis.key('binds', userKey)]
  const at = (): number | string => now?.() ?? ''
  const ask = (script: Script, { userKey, id, limit }: Lease): Promise<unknown> =>
    redis.run(script, keysOf(userKey), [at(), id, limit, leaseMs])
  return {
    take: async (wanted) => readTaken(await ask(takeScript, wanted)),
    renew: async (lease) => (await ask(renewScript, lease)) === 1,
    release: async ({ userKey, id }) => {
      await redis.run(releaseScript, keysOf(userKey), [id])
    },
    count: async (userKey) => Number(await redis.run(countScript, keysOf(userKey), [at()])),
  }
}
