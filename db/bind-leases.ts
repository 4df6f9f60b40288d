/** A place for one bind of a user; it lapses by itself unless it is renewed. */
export type Lease = { readonly id: string; readonly userKey: string }

/** Who asks for a place, and how many there are. */
export type LeaseRequest = {
  readonly userKey: string
  readonly limit: number
  /** Unique over all processes (an id of `Database.newId`). */
  readonly id: string
}

export type Taken =
  | { readonly outcome: 'taken'; readonly lease: Lease }
  /** All places are taken; `oldest` is the lease that has lasted longest. */
  | { readonly outcome: 'full'; readonly oldest: string | undefined }

/**
 * Bind slots. Each function is one atomic step on the leases of one user, so that a store shared by
 * many processes does it in one script. A rejection is a fault of ours: there is no bind without a lease.
 */
export type BindLeases = {
  readonly take: (request: LeaseRequest) => Promise<Taken>
  /** Puts off the lapse; false when the lease is gone, and the bind must go too. */
  readonly renew: (lease: Lease) => Promise<boolean>
  readonly release: (lease: Lease) => Promise<void>
  readonly count: (userKey: string) => Promise<number>
}

/** A process that dies frees its binds' places within this time. */
export const LEASE_MS = 30_000

/** How often a lease is to be renewed. */
export const RENEW_MS = 10_000

/** Leases of this process alone; `elapsed` never runs backwards, in ms. */
export const createEmbeddedBindLeases = (elapsed: () => number): BindLeases => {
  const users = new Map<string, Map<string, number>>()

  const ofUser = (userKey: string): Map<string, number> => {
    const leases = users.get(userKey) ?? new Map<string, number>()
    const now = elapsed()
    for (const [id, endsAt] of leases) if (endsAt <= now) leases.delete(id)
    if (leases.size === 0) users.delete(userKey)
    return leases
  }
  return {
    take: async ({ userKey, limit, id }) => {
      const leases = ofUser(userKey)
      if (leases.size >= limit) return { outcome: 'full', oldest: leases.keys().next().value }
      leases.set(id, elapsed() + LEASE_MS)
      users.set(userKey, leases)
      return { outcome: 'taken', lease: { id, userKey } }
    },
    renew: async ({ userKey, id }) => {
      const leases = ofUser(userKey)
      if (!leases.has(id)) return false
      leases.set(id, elapsed() + LEASE_MS)
      return true
    },
    release: async ({ userKey, id }) => {
      users.get(userKey)?.delete(id)
      ofUser(userKey)
    },
    count: async (userKey) => ofUser(userKey).size,
  }
}
