import { renewMsOf, type BindLeases, type Lease } from '../../db/bind-leases.ts'
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

/** Frees the place of a bind that is dead, and says whether it was; undefined: the place is not here. */
export type FreeIfDead = (leaseId: string) => Promise<boolean> | undefined

/** The places that other nodes hold. */
export type OtherSlots = {
  /** True when the node that holds the place has let go of it, since its bind is dead. */
  readonly freeIfDead: (leaseId: string) => Promise<boolean>
  /** How this node answers when it is asked the same. */
  readonly answerBy: (freeIfDead: FreeIfDead) => void
}

export type SlotsOptions = {
  readonly leases: BindLeases
  /** None: no other process knows of these leases. */
  readonly others?: OtherSlots | undefined
  readonly newId: () => string
  readonly logFailure: (error: unknown) => void
  /** How long a lease lasts unless it is renewed, in ms. */
  readonly leaseMs: number
  /** How long the oldest bind may take to show that it lives, in ms. */
  readonly probeMs: number
}

/**
 * How often a bind may find that another one took the place that it had made: when a host is lost,
 * all of its binds come back at once.
 */
const MOST_PROBES = 4

type Held = { readonly freeIfDead: () => Promise<boolean> }

/** Leases with a heartbeat. At the limit the user's oldest bind is probed, and a dead one makes room. */
export const createSlots = (options: SlotsOptions): Slots => {
  const { leases, others, logFailure } = options
  const heldHere = new Map<string, Held>()
  const probing = new Map<string, Promise<boolean>>()

  const hold = (lease: Lease): Slot => {
    let occupant: Pick<Relay, 'probe' | 'end'> | undefined
    let isLost = false
    const leave = async (): Promise<void> => {
      clearInterval(heartbeat)
      if (heldHere.delete(lease.id)) await leases.release(lease)
    }
    const lose = async (): Promise<void> => {
      isLost = true
      occupant?.end()
      await leave()
    }
    const renew = async (): Promise<void> => {
      if (!(await leases.renew(lease))) await lose()
    }
    // A store that cannot be asked ends no bind.
    const heartbeat = setInterval(() => void renew().catch(logFailure), renewMsOf(options.leaseMs))
    heldHere.set(lease.id, {
      /** One that is still being made counts as alive. */
      freeIfDead: async () => {
        const isAlive = await new Promise<boolean>((resolve) => {
          if (occupant === undefined) resolve(true)
          else occupant.probe(options.probeMs, resolve)
        })
        if (!isAlive) await lose()
        return !isAlive
      },
    })
    return {
      occupy: (relay) => {
        occupant = relay
        if (isLost) relay.end()
      },
      release: () => void leave().catch(logFailure),
    }
  }

  /** Asked once for all who wait for the answer. */
  const probeOnce = (id: string, probe: () => Promise<boolean>): Promise<boolean> => {
    const asked = probing.get(id) ?? probe().finally(() => probing.delete(id))
    probing.set(id, asked)
    return asked
  }
  const freeHere: FreeIfDead = (id) => {
    const held = heldHere.get(id)
    return held && probeOnce(id, held.freeIfDead)
  }
  const freeIfDead = async (id: string): Promise<boolean> =>
    freeHere(id) ?? (others === undefined ? false : probeOnce(id, () => others.freeIfDead(id)))
  others?.answerBy(freeHere)

  return {
    take: async (userKey, limit) => {
      const lease = { userKey, limit, id: options.newId() }
      for (let tries = 0; tries <= MOST_PROBES; tries++) {
        const taken = await leases.take(lease)
        if (taken.outcome === 'taken') return hold(lease)
        const { oldest } = taken
        if (tries === MOST_PROBES || oldest === undefined || !(await freeIfDead(oldest))) break
      }
      return undefined
    },
  }
}
