import type { AttemptLimits, Attempts, SourceCount } from './attempts.ts'
import { partOf } from './parts.ts'
import { RedisFailure } from './redis-failures.ts'
import { createScript } from './redis.ts'
import { createToken, type Random } from './secrets.ts'
import { createSourceBudget } from './source-budget.ts'
import type { RedisWindowsOptions } from './windows-redis.ts'

export type SharedBudgetOptions = RedisWindowsOptions & {
  readonly random: Random
  readonly nodes: () => number
  readonly limits: Pick<AttemptLimits, 'sources' | 'sourceRefusals' | 'sourceWindowMs'>
}

/**
 * Each node says how many it counted in all (`total`), and how many of those were counted here as
 * far as it knows (`told`): what it said before, in vain or not, is never counted twice.
 */
const countScript = createScript(`
local node, told, total, window, given =
  'node ' .. ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local heard = time[1] * 1000 + math.floor(time[2] / 1000)
local now = given >= 0 and given or heard
local ends = tonumber(redis.call('HGET', KEYS[1], 'ends') or 0)
if ends <= now then
  ends = now + window
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'ends', string.format('%d', ends))
  redis.call('PEXPIRE', KEYS[1], window)
end
local known = math.max(told, tonumber(redis.call('HGET', KEYS[1], node) or 0))
if total > known then redis.call('HSET', KEYS[1], node, string.format('%d', total)) end
return {redis.call('HINCRBY', KEYS[1], 'count', math.max(0, total - known)), ends, heard}`)

/** How many refusals of a source this node counted, on the count of all that it ever counted. */
type Tally = { told: number; total: number }

/** Refusals of sources over all nodes; while Redis is away, this node's against its part. */
export const createSharedBudget = (
  options: SharedBudgetOptions,
): Pick<Attempts, 'countSource' | 'sourceBlockedUntil'> => {
  const { redis, clock, elapsed, random, windowKey, nodes, limits } = options
  const { sources, sourceRefusals: limit, sourceWindowMs } = limits
  const node = createToken(random, 16)
  const here = createSourceBudget(limits)
  /** Counted here and maybe not there: told with the next one, so late is strict and never lost. */
  const tallies = new Map<string, Tally>()
  const blocked = new Map<string, number>()
  let counted = 0

  const keep = <T>(map: Map<string, T>, group: string, value: T): void => {
    map.delete(group)
    map.set(group, value)
    const [oldest] = map.keys()
    if (map.size > sources && oldest !== undefined) map.delete(oldest)
  }

  const add = (group: string): Tally => {
    const tally = tallies.get(group) ?? { told: counted, total: counted }
    counted++
    tally.total++
    keep(tallies, group, tally)
    return tally
  }

  const countThere = async (group: string) => {
    const tally = add(group)
    const { told, total } = tally
    const given = clock.toleranceMs < 0 ? clock.steady() : -1
    const askedAt = elapsed()
    const answer = await redis.run(
      countScript,
      [redis.key('window', windowKey(`source ${group}`))],
      [node, told, total, sourceWindowMs, given],
    )
    const [count, until, heard] = answer as number[]
    if (count === undefined || until === undefined || heard === undefined)
      throw new RedisFailure('answers what was not asked')
    clock.heard(heard, askedAt)
    tally.told = Math.max(tally.told, total)
    if (tally.told === tally.total && tallies.get(group) === tally) tallies.delete(group)
    return { count, until }
  }

  const blockedUntil = (group: string): number | undefined => {
    const until = blocked.get(group)
    return until !== undefined && until > clock.steady() ? clock.fromSteady(until) : undefined
  }

  const block = (group: string, count: number, until: number): SourceCount => {
    keep(blocked, group, until)
    return { count, blockedUntil: clock.fromSteady(until) }
  }

  return {
    countSource: async (group) => {
      const { count, endsAt } = here.add(group, clock.steady())
      try {
        const there = await countThere(group)
        return there.count < limit ? { count: there.count } : block(group, there.count, there.until)
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error
        return count < partOf(limit, nodes()) ? { count } : block(group, count, endsAt)
      }
    },
    sourceBlockedUntil: blockedUntil,
  }
}
