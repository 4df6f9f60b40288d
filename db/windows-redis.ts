import { partOf } from './parts.ts'
import type { RedisClock } from './redis-clock.ts'
import { RedisFailure } from './redis-failures.ts'
import type { GuardedRedis } from './redis-guard.ts'
import { createScript } from './redis.ts'
import { createEmbeddedWindows, type Windows } from './windows.ts'

export type RedisWindowsOptions = {
  readonly redis: Pick<GuardedRedis, 'key' | 'run'>
  readonly clock: RedisClock
  readonly elapsed: () => number
  /** What a window is called where others may look: nothing of whom or what it is about. */
  readonly windowKey: (name: string) => string
}

/** The end of the window is written with its first count and stays; the key ends with it. */
const takeScript = createScript(`
local limit, window, given = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local heard = time[1] * 1000 + math.floor(time[2] / 1000)
local now = given >= 0 and given or heard
local count, ends = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
count, ends = tonumber(count or 0), tonumber(ends or 0)
if ends <= now then count, ends = 0, now + window end
local taken = count < limit and 1 or 0
count = count + taken
if taken == 1 then
  redis.call('SET', KEYS[1], string.format('%d %d', count, ends), 'PX', ends - now)
end
return {taken, count, ends, heard}`)

/** In the time of Redis; rejects when Redis is away. */
const createTakeFromRedis =
  ({ redis, clock, elapsed, windowKey }: RedisWindowsOptions): Windows['take'] =>
  async (key, limit, windowMs) => {
    const given = clock.toleranceMs < 0 ? clock.steady() : -1
    const askedAt = elapsed()
    const answer = await redis.run(
      takeScript,
      [redis.key('window', windowKey(key))],
      [limit, windowMs, given],
    )
    const [taken, count, until, heard] = answer as number[]
    if (count === undefined || until === undefined || heard === undefined)
      throw new RedisFailure('answers what was not asked')
    clock.heard(heard, askedAt)
    return { taken: taken === 1, left: Math.max(0, limit - count), until }
  }

export type SharedWindowsOptions = RedisWindowsOptions & {
  readonly now: () => number
  readonly nodes: () => number
}

/** The windows that all nodes share; while Redis is away each node gives out its part. */
export const createSharedWindows = (options: SharedWindowsOptions): Windows => {
  const takeThere = createTakeFromRedis(options)
  const here = createEmbeddedWindows(options)
  return {
    take: async (key, limit, windowMs) => {
      try {
        const taken = await takeThere(key, limit, windowMs)
        return { ...taken, until: options.clock.fromSteady(taken.until) }
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error
        return here.take(key, partOf(limit, options.nodes()), windowMs)
      }
    },
  }
}
