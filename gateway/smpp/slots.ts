import { RENEW_MS, type BindLeases, type Lease } from '../../db/bind-leases.ts'
import type { Relay } from './relay.ts'

/** A place for a bind; it is kept until it is let go of. */
export type Slot = {
  /** The bind that has the place: it is asked whether it lives when another one wants it. */
  readonly occupy: (relay: Pick<Relay, 'probe' | 'end'>) => void
  readonly release: () => void
}

export type Slots = {
  /** A place for one more bind of a user; undefined when all are taken by binds that live. */
  readonly take: (userKey: string, limit: number) => Promise<Slot | undefined>
}

export type SlotsOptions = {
  readonly leases: BindLeases
  readonly newId: () => string
  readonly logFailure: (error: unknown) => void
  /** How long the oldest bind may take to show that it lives, in ms. */
  readonly probeMs: number
}

/**
 * How often a bind may find that another one took the place that it had made: when a host is lost,
 * all of its binds come back at once.
 */
const MOST_PROBES = 4

/** Leases with a heartbeat. At the limit the user's oldest bind is probed, and a dead one makes room. */
export const createSlots = ({ leases, newId, logFailure, probeMs }: SlotsOptions): Slots => {
  const occupants = new Map<string, Pick<Relay, 'probe' | 'end'>>()
  const probing = new Map<string, Promise<boolean>>()

  const slotOf = (lease: Lease): Slot => {
    const release = (): void => {
      clearInterval(heartbeat)
      occupants.delete(lease.id)
      leases.release(lease).catch(logFailure)
    }
    const renew = async (): Promise<void> => {
      if (!(await leases.renew(lease))) occupants.get(lease.id)?.end()
    }
    const heartbeat = setInterval(() => void renew().catch(logFailure), RENEW_MS)
    return {
      occupy: (relay) => {
        occupants.set(lease.id, relay)
      },
      release,
    }
  }

  const probe = (id: string): Promise<boolean> =>
    new Promise((resolve) => {
      const occupant = occupants.get(id)
      if (occupant === undefined) resolve(false)
      else
        occupant.probe(probeMs, (isAlive) => {
          if (!isAlive) occupant.end()
          resolve(!isAlive)
        })
    })

  /**
   * Whether the bind that holds a lease is gone; one that is still being made counts as alive. It is
   * asked once for all who wait for the answer.
   */
  const isDead = (id: string): Promise<boolean> => {
    const asked = probing.get(id) ?? probe(id).finally(() => probing.delete(id))
    probing.set(id, asked)
    return asked
  }

  return {
    take: async (userKey, limit) => {
      const request = { userKey, limit, id: newId() }
      for (let tries = 0; tries <= MOST_PROBES; tries++) {
        const taken = await leases.take(request)
        if (taken.outcome === 'taken') return slotOf(taken.lease)
        const { oldest } = taken
        if (tries === MOST_PROBES || oldest === undefined || !(await isDead(oldest))) break
        await leases.release({ id: oldest, userKey })
      }
      return undefined
    },
  }
}
