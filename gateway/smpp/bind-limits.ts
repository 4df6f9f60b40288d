import type { BindLeases } from '../../db/bind-leases.ts'

/** A bind that has its place. */
export type Placed = { readonly isEnding: () => boolean }

/** What counts for a user: the name of the leases, and how many binds there may be. */
export type Limited = {
  readonly userKey: string
  readonly smppLimits: { readonly binds: number }
}

/** Tells which binds are too many once a limit is lowered: the newest, so that the oldest stay. */
export type BindLimits = {
  /** The newest bind of a user has got its place; returns what ends that. */
  readonly enter: (bind: Placed, user: Limited) => () => void
  /** Whether it is too many; answered at once unless the limit is lower than it was. */
  readonly isBeyond: (bind: Placed, user: Limited) => boolean | Promise<boolean>
}

type Look = { readonly limit: number; readonly beyond: Promise<ReadonlySet<Placed>> }

/** Binds of one user, oldest first, and the limit that all nodes together are known to be within. */
type Crowd = {
  readonly binds: Set<Placed>
  limit: number
  entered: number
  look?: Look | undefined
}

/**
 * On one node the newest beyond the limit end, and nothing else. Over several a node knows the order
 * of its own binds and the number of all, not which of the others' are older: it ends the newest of
 * its own in the proportion that they have of all, rounded up. So the limit holds for certain after
 * one round, and no node ends more than one too many, which may bind again at once. While the leases
 * cannot be counted a node goes by its own binds, and looks again at every review.
 */
export const createBindLimits = (leases: Pick<BindLeases, 'count'>): BindLimits => {
  const crowds = new Map<string, Crowd>()

  const find = async (crowd: Crowd, userKey: string, limit: number): Promise<Set<Placed>> => {
    const { binds, entered } = crowd
    const { size } = binds
    const counted = await leases.count(userKey).catch(() => undefined)
    const total = Math.max(counted ?? 0, size)
    if (crowd.entered !== entered) return find(crowd, userKey, limit)
    if (total <= limit) {
      if (counted !== undefined) crowd.limit = limit
      return new Set()
    }
    const share = Math.ceil(((total - limit) * size) / total)
    const staying = [...binds].filter((bind) => !bind.isEnding())
    return new Set(staying.slice(Math.max(0, size - share)))
  }

  /** One look for all binds of a user that are reviewed together. */
  const lookAt = (crowd: Crowd, { userKey, smppLimits }: Limited): Look => {
    const { binds: limit } = smppLimits
    if (crowd.look?.limit === limit) return crowd.look
    const beyond = find(crowd, userKey, limit).finally(() => {
      if (crowd.look === look) crowd.look = undefined
    })
    const look = { limit, beyond }
    crowd.look = look
    return look
  }

  return {
    enter: (bind, { userKey, smppLimits }) => {
      const crowd = crowds.get(userKey) ?? { binds: new Set(), limit: 0, entered: 0 }
      crowds.set(userKey, crowd)
      crowd.binds.add(bind)
      crowd.entered += 1
      crowd.limit = Math.max(crowd.limit, smppLimits.binds)
      // What is being counted may not know of it.
      crowd.look = undefined
      return () => {
        crowd.binds.delete(bind)
        if (crowd.binds.size === 0 && crowds.get(userKey) === crowd) crowds.delete(userKey)
      }
    },
    isBeyond: (bind, user) => {
      const crowd = crowds.get(user.userKey)
      if (crowd?.binds.has(bind) !== true) return false
      if (user.smppLimits.binds >= crowd.limit) {
        crowd.limit = user.smppLimits.binds
        return false
      }
      return lookAt(crowd, user).beyond.then((beyond) => beyond.has(bind))
    },
  }
}
