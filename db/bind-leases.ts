/** A place for one bind of a user, wanted or held; it lapses by itself unless it is renewed. */
export type Lease = {
  /** Unique over all processes and in the order of time (an id of `Database.newId`). */
  readonly id: string
  readonly userKey: string
  /** How many places the user had when this one was asked for. */
  readonly limit: number
}

export type Taken =
  | { readonly outcome: 'taken' }
  /** All places are taken; `oldest` is the first of the leases that hold them. */
  | { readonly outcome: 'full'; readonly oldest: string | undefined }

/**
 * Bind slots. Each function is one atomic step on the leases of one user, so that a store shared by
 * many processes does it in one script. A rejection is a fault of ours: there is no bind without a lease.
 */
export type BindLeases = {
  readonly take: (wanted: Lease) => Promise<Taken>
  /**
   * Puts off the lapse; a lease that is gone (the store may have lost it) is taken again, from the
   * newest if all places are held by others. False when all of those are older: then the bind must go.
   */
  readonly renew: (lease: Lease) => Promise<boolean>
  readonly release: (lease: Pick<Lease, 'id' | 'userKey'>) => Promise<void>
  readonly count: (userKey: string) => Promise<number>
}

/** A process that dies frees its binds' places within this time. */
export const LEASE_MS = 30_000

/** How often a lease is to be renewed: it outlives two renewals that fail. */
export const renewMsOf = (leaseMs: number): number => leaseMs / 3

const newestOf = (ids: Iterable<string>): string | undefined => {
  let newest: string | undefined
  for (const id of ids) if (newest === undefined || id > newest) newest = id
  return newest
}

const oldestOf = (ids: Iterable<string>): string | undefined => {
  let oldest: string | undefined
  for (const id of ids) if (oldest === undefined || id < oldest) oldest = id
  return oldest
}

/** Leases of this process alone; `elapsed` never runs backwards, in ms. */
export const createEmbeddedBindLeases = (elapsed: () => number, leaseMs = LEASE_MS): BindLeases => {
  /** Those of a user in the order of their ends, since each is put last when it is put off. */
  const users = new Map<string, Map<string, number>>()

  const put = (leases: Map<string, number>, id: string): void => {
    leases.delete(id)
    leases.set(id, elapsed() + leaseMs)
  }
  const ofUser = (userKey: string): Map<string, number> => {
    const leases = users.get(userKey) ?? new Map<string, number>()
    const now = elapsed()
    for (const [id, endsAt] of leases) {
      if (endsAt > now) break
      leases.delete(id)
    }
    if (leases.size === 0) users.delete(userKey)
    return leases
  }
  const take = async ({ userKey, limit, id }: Lease): Promise<Taken> => {
    const leases = ofUser(userKey)
    if (leases.size >= limit && !leases.has(id))
      return { outcome: 'full', oldest: oldestOf(leases.keys()) }
    put(leases, id)
    users.set(userKey, leases)
    return { outcome: 'taken' }
  }
  return {
    take,
    renew: async (lease) => {
      if ((await take(lease)).outcome === 'taken') return true
      const leases = ofUser(lease.userKey)
      const newest = newestOf(leases.keys())
      if (newest === undefined || newest < lease.id) return false
      leases.delete(newest)
      put(leases, lease.id)
      return true
    },
    release: async ({ userKey, id }) => {
      users.get(userKey)?.delete(id)
      ofUser(userKey)
    },
    count: async (userKey) => ofUser(userKey).size,
  }
}
