import { createEmbeddedBindLeases, LEASE_MS, type BindLeases, type Lease } from './bind-leases.ts'
import { createRedisBindLeases } from './bind-leases-redis.ts'
import { partOf } from './parts.ts'
import { RedisFailure } from './redis-failures.ts'
import type { GuardedRedis } from './redis-guard.ts'
import { createUnreleasedLeases } from './unreleased-leases.ts'

export type SharedBindLeasesOptions = {
  readonly redis: Pick<GuardedRedis, 'key' | 'run' | 'listen'>
  readonly leaseMs?: number
  /** Ms that never run backwards. */
  readonly elapsed: () => number
  /** The last known number of nodes. */
  readonly liveNodes: () => number
}

/** So few that their answers come in the time for one command. */
const RENEWED_AT_ONCE = 50

/** What this process holds, here and not by its leases in Redis: it does not lapse. */
const createOwn = () => {
  const held = new Map<string, Lease>()
  const leases = createEmbeddedBindLeases(() => 0)
  const release = async (place: Pick<Lease, 'id' | 'userKey'>): Promise<void> => {
    held.delete(place.id)
    await leases.release(place)
  }
  return {
    held,
    release,
    take: async (wanted: Lease, limit = wanted.limit) => {
      const taken = await leases.take({ ...wanted, limit })
      if (taken.outcome === 'taken') held.set(wanted.id, wanted)
      return taken
    },
  }
}

/**
 * Leases in Redis. While Redis cannot be asked, what stands goes on, and a new lease is counted here,
 * within this node's part of the limit, until it can be taken in Redis. Only `count` rejects then,
 * since nobody knows what the others hold.
 */
export const createSharedBindLeases = (options: SharedBindLeasesOptions): BindLeases => {
  const { redis, elapsed, liveNodes, leaseMs = LEASE_MS } = options
  const remote = createRedisBindLeases({ redis, leaseMs })
  const own = createOwn()
  const unreleased = createUnreleasedLeases(elapsed, leaseMs)

  const release: BindLeases['release'] = async (place) => {
    await own.release(place)
    await remote.release(place).catch(() => {
      unreleased.add(place)
    })
  }
  const settle = (): void => {
    for (const place of unreleased.takeAll()) void release(place)
  }

  /** What was not let go of meanwhile is held in Redis too; false when others hold all places. */
  const renew = async (lease: Lease): Promise<boolean> => {
    const isKept = await remote.renew(lease)
    if (isKept && !own.held.has(lease.id)) await release(lease)
    return isKept
  }
  /** Redis may have lost everything: what stands comes before what is new. */
  const renewAll = async (): Promise<void> => {
    const leases = [...own.held.values()]
    for (let at = 0; at < leases.length; at += RENEWED_AT_ONCE)
      await Promise.all(leases.slice(at, at + RENEWED_AT_ONCE).map(renew))
  }
  redis.listen((isAway) => {
    if (isAway) return
    settle()
    // Whoever fails here is asked for at its own next renewal.
    renewAll().catch(() => undefined)
  })

  return {
    take: async (wanted) => {
      // Its own leases alone may fill the limit, also while Redis has forgotten them.
      const here = await own.take(wanted)
      if (here.outcome === 'full') return here
      unreleased.delete(wanted.id)
      try {
        const taken = await remote.take(wanted)
        settle()
        if (taken.outcome === 'full') await own.release(wanted)
        return taken
      } catch (error) {
        await own.release(wanted)
        if (!(error instanceof RedisFailure)) throw error
        const alone = await own.take(wanted, partOf(wanted.limit, liveNodes()))
        // It may have been taken there, and only the answer was lost.
        if (alone.outcome === 'full') unreleased.add(wanted)
        return alone
      }
    },
    renew: async (lease) => {
      try {
        const isKept = await renew(lease)
        settle()
        if (!isKept) await own.release(lease)
        return isKept
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error
        return true
      }
    },
    release,
    count: remote.count,
  }
}
