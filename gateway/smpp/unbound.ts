import { sourceGroup, type Address } from '../../policies/address.ts'

/** How many connections may be open without a bind. */
export type UnboundLimits = { readonly unbound: number; readonly unboundPerSource: number }

/** A connection that is counted until it leaves. */
export type Place = {
  /** Counts it to its source, once; false when that has too many already. */
  readonly comesFrom: (source: Address) => boolean
  readonly leave: () => void
}

/** Counts connections that have not bound, in all and by source. */
export type Unbound = {
  /** Undefined when there are too many already. */
  readonly enter: () => Place | undefined
}

/** So many a source over its budget may have, to be told so, and not all that others need. */
const OVER_BUDGET = 8

/** `counts.unbound` is kept up to date, for the metrics; `isOverBudget` is asked of `sourceGroup`s. */
export const createUnbound = (
  limits: UnboundLimits,
  counts: { unbound: number },
  isOverBudget: (group: string) => boolean,
): Unbound => {
  const limitOf = (group: string): number =>
    isOverBudget(group) ? Math.min(OVER_BUDGET, limits.unboundPerSource) : limits.unboundPerSource
  const bySource = new Map<string, number>()

  const add = (group: string, one: 1 | -1): void => {
    const count = (bySource.get(group) ?? 0) + one
    if (count === 0) bySource.delete(group)
    else bySource.set(group, count)
  }
  return {
    enter: () => {
      if (counts.unbound >= limits.unbound) return undefined
      counts.unbound += 1
      let group: string | undefined
      let hasLeft = false
      return {
        comesFrom: (source) => {
          const from = sourceGroup(source)
          if ((bySource.get(from) ?? 0) >= limitOf(from)) return false
          group = from
          add(group, 1)
          return true
        },
        leave: () => {
          if (hasLeft) return
          hasLeft = true
          counts.unbound -= 1
          if (group !== undefined) add(group, -1)
        },
      }
    },
  }
}
