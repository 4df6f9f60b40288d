import type { AttemptLimits, Attempts, SourceCount } from './attempts.ts'
import type { RedisClock } from './redis-clock.ts'
import { partOf } from './parts.ts'
import { RedisFailure } from './redis-failures.ts'
import type { TakeFromRedis } from './windows-redis.ts'
import { createSourceBudget } from './source-budget.ts'

export type SharedBudgetOptions = {
  readonly take: TakeFromRedis
  readonly clock: RedisClock
  readonly nodes: () => number
  readonly limits: Pick<AttemptLimits, 'sources' | 'sourceRefusals' | 'sourceWindowMs'>
}

/** Refusals of sources over all nodes; while Redis is away, this node's against its part. */
export const createSharedBudget = (
  options: SharedBudgetOptions,
): Pick<Attempts, 'countSource' | 'sourceBlockedUntil'> => {
  const { take, clock, nodes, limits } = options
  const { sources, sourceRefusals: limit, sourceWindowMs } = limits
  const here = createSourceBudget(limits)
  /** Counted here and not there: told with the next one, so late is strict and never lost. */
  const untold = new Map<string, number>()
  const blocked = new Map<string, number>()

  const keep = (map: Map<string, number>, group: string, value: number): void => {
    map.delete(group)
    map.set(group, value)
    const [oldest] = map.keys()
    if (map.size > sources && oldest !== undefined) map.delete(oldest)
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
      const untoldBefore = untold.get(group) ?? 0
      untold.delete(group)
      try {
        const name = `source ${group}`
        const { left, until } = await take(name, limit, sourceWindowMs, 1 + untoldBefore)
        return left === 0 ? block(group, limit, until) : { count: limit - left }
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error
        keep(untold, group, (untold.get(group) ?? 0) + untoldBefore + 1)
        return count < partOf(limit, nodes()) ? { count } : block(group, count, endsAt)
      }
    },
    sourceBlockedUntil: blockedUntil,
  }
}
