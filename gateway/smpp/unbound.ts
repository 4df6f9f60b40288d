import type { Address } from '../../policies/address.ts'
import { sourceGroup } from '../../policies/address.ts'

/** How many connections may be open without a bind. */
export type UnboundLimits = { readonly unbound: number; readonly unboundPerSource: number }

/** Counts connections that have not bound, in all and by source. */
export type Unbound = {
  /** The function that ends the count; undefined when there are too many already. */
  readonly enter: (source: Address) => (() => void) | undefined
}

/** `counts.unbound` is kept up to date, for the metrics. */
export const createUnbound = (limits: UnboundLimits, counts: { unbound: number }): Unbound => {
  const bySource = new Map<string, number>()
  return {
    enter: (source) => {
      const group = sourceGroup(source)
      const count = bySource.get(group) ?? 0
      if (counts.unbound >= limits.unbound || count >= limits.unboundPerSource) return undefined
      counts.unbound += 1
      bySource.set(group, count + 1)
      let left = false
      return () => {
        if (left) return
        left = true
        counts.unbound -= 1
        const now = (bySource.get(group) ?? 1) - 1
        if (now === 0) bySource.delete(group)
        else bySource.set(group, now)
      }
    },
  }
}
