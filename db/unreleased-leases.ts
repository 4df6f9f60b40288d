import type { Lease } from './bind-leases.ts'

type Place = Pick<Lease, 'id' | 'userKey'>

/** Places that a store may still think are held, until their leases have lapsed there. */
export type UnreleasedLeases = {
  readonly add: (place: Place) => void
  readonly delete: (id: string) => void
  readonly takeAll: () => readonly Place[]
}

export const createUnreleasedLeases = (
  elapsed: () => number,
  leaseMs: number,
): UnreleasedLeases => {
  const places = new Map<string, Place & { readonly endsAt: number }>()
  const prune = (): void => {
    const now = elapsed()
    for (const [id, { endsAt }] of places) {
      if (endsAt > now) break
      places.delete(id)
    }
  }
  return {
    add: ({ id, userKey }) => {
      prune()
      places.set(id, { id, userKey, endsAt: elapsed() + leaseMs })
    },
    delete: (id) => {
      places.delete(id)
    },
    takeAll: () => {
      prune()
      const taken = [...places.values()]
      places.clear()
      return taken
    },
  }
}
