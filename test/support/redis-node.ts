import { randomBytes } from 'node:crypto'
import { createSharedAttempts, type SharedAttemptsOptions } from '../../db/attempts-redis.ts'
import type { Attempts } from '../../db/attempts.ts'
import type { RedisTarget } from '../../db/redis-client.ts'
import { createGuard, type GuardedRedis } from '../../db/redis-guard.ts'
import type { SharedRedisOptions } from '../../db/redis.ts'
import { createFingerprints } from '../../db/secrets.ts'
import { createSystem } from '../../gateway/system.ts'
import { connectTo } from './redis.ts'

const { now, elapsed } = createSystem()

/** A node's guarded connection, usable from the start. */
export const guardedRedis = async (
  target: RedisTarget,
  options: Partial<SharedRedisOptions> = {},
): Promise<GuardedRedis> => {
  const redis = connectTo(target, options)
  await redis.check()
  return createGuard({ redis, elapsed, random: randomBytes })
}

export type SharedNode = { readonly attempts: Attempts; readonly redis: GuardedRedis }

/** The counters as one node keeps them, with a connection of its own; `close` ends both. */
export const sharedNode = async (
  target: RedisTarget,
  options: Partial<SharedRedisOptions> & Partial<SharedAttemptsOptions> = {},
): Promise<SharedNode> => {
  const redis = options.redis ?? (await guardedRedis(target, options))
  const { windowKey } = createFingerprints(Buffer.alloc(32))
  const patient = { now, elapsed, random: randomBytes, windowKey, patienceMs: 5_000 }
  let isBegun = false
  // Others are spoken of that are not there: what Redis holds is whole before they are.
  const nodes = (): number => (isBegun ? (options.nodes?.() ?? 1) : 1)
  const attempts = createSharedAttempts({ ...patient, ...options, redis, nodes })
  if (options.nodes !== undefined)
    for (let at = 0; at < 128; at++) await attempts.state(`nobody ${at}`)
  isBegun = true
  const close = async (): Promise<void> => {
    await attempts.close()
    await redis.close()
  }
  return { attempts: { ...attempts, close }, redis }
}
