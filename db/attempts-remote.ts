import { emptyBucket, type BucketState } from '../policies/bucket.ts'
import { eraKeyOf, groupOf } from './attempts-eras.ts'
import type { Place } from './attempts-steps.ts'
import { keptMs, readBucket, writeBucket } from './bucket-text.ts'
import type { RedisClock } from './redis-clock.ts'
import { RedisFailure } from './redis-failures.ts'
import type { GuardedRedis } from './redis-guard.ts'
import { createScript } from './redis.ts'

/** A state and the very text that it was read from. */
export type Read = { readonly state: BucketState; readonly text: string }

export const nothingRead: Read = Object.freeze({ state: emptyBucket, text: '' })

export type Swapped =
  | { readonly outcome: 'done' }
  /** It is not as it was taken to be, or the time is another: judge again. */
  | { readonly outcome: 'other'; readonly read: Read }
  /** The user has as many buckets as may be. */
  | { readonly outcome: 'full' }
  /** Redis has lost what it held in the era that was meant. */
  | { readonly outcome: 'over' }

export type Change = {
  readonly era: string
  readonly read: Read
  readonly after: BucketState
  readonly perUser: number
}

/** The buckets in Redis: a hash for each user, whose name says nothing, with a field for each. */
export type RemoteBuckets = {
  /** Writes a bucket if it still is as it was read; one atomic step, its end of life included. */
  readonly swap: (place: Place, change: Change) => Promise<Swapped>
  readonly all: (userKey: string) => Promise<readonly (readonly [string, Read])[]>
}

/** Compares and sets; the key lives as long as the longest that any of its buckets asked for. */
const swapScript = createScript(`
local field, era, expected, value = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local kept, most, guessed, tolerance =
  tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('HGET', KEYS[2], 'id') ~= era then return {'over', now, ''} end
local current = redis.call('HGET', KEYS[1], field) or ''
if current ~= expected or (tolerance >= 0 and math.abs(now - guessed) > tolerance) then
  return {'other', now, current}
end
if current == value then return {'done', now, ''} end
if current == '' and redis.call('HLEN', KEYS[1]) >= most then return {'full', now, ''} end
if value == '' then
  redis.call('HDEL', KEYS[1], field)
else
  redis.call('HSET', KEYS[1], field, value)
  if redis.call('PTTL', KEYS[1]) < kept then redis.call('PEXPIRE', KEYS[1], kept) end
end
return {'done', now, ''}`)

const allScript = createScript(`
local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000), redis.call('HGETALL', KEYS[1])}`)

const strange = (): never => {
  throw new RedisFailure('answers what was not asked')
}

export const createRemoteBuckets = (
  redis: Pick<GuardedRedis, 'key' | 'run'>,
  clock: RedisClock,
  elapsed: () => number,
): RemoteBuckets => {
  const keyOf = (userKey: string): string => redis.key(`attempts:${userKey}`, groupOf(userKey))
  const readOf = (text: string): Read =>
    text === '' ? nothingRead : { state: readBucket(text), text }

  return {
    swap: async (place, { era, read, after, perUser }) => {
      const now = clock.steady()
      const value = writeBucket(after, now)
      const kept = keptMs(after, now)
      const askedAt = elapsed()
      const answer = await redis.run(
        swapScript,
        [keyOf(place.userKey), eraKeyOf(redis, place.userKey)],
        [place.bucket, era, read.text, value, kept, perUser, now, clock.toleranceMs],
      )
      const [outcome, time, current] = answer as [unknown, unknown, unknown]
      if (typeof time !== 'number' || typeof current !== 'string') return strange()
      clock.heard(time, askedAt)
      if (outcome === 'other') return { outcome, read: readOf(current) }
      return outcome === 'done' || outcome === 'full' || outcome === 'over'
        ? { outcome }
        : strange()
    },
    all: async (userKey) => {
      const askedAt = elapsed()
      const [time, flat] = (await redis.run(allScript, [keyOf(userKey)], [])) as [unknown, unknown]
      if (typeof time !== 'number' || !Array.isArray(flat)) return strange()
      clock.heard(time, askedAt)
      const texts = flat.map(String)
      return texts.flatMap((bucket, at) =>
        at % 2 === 0 ? [[bucket, readOf(texts[at + 1] ?? '')] as const] : [],
      )
    },
  }
}
