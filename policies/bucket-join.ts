import { restore, settle, type BucketState } from './bucket.ts'

const union = (one: readonly string[], other: readonly string[]): readonly string[] => [
  ...new Set([...one, ...other]),
]

/** Two memories of one bucket, where neither is known to be the newer: the stricter wins. */
export const join = (one: BucketState, other: BucketState, now: number): BucketState => {
  const state = settle(one, now)
  const added = settle(other, now)
  const distinct = union(state.distinct, added.distinct)
  const previous = union(state.previous, added.previous)
  const holders = new Set(state.pending.map(({ holder }) => holder))
  const known = union(state.distinct, state.previous)
  const failures = added.distinct.filter((it) => !known.includes(it)).length
  return {
    ...restore(state, added),
    ...{ distinct, previous },
    windowEndsAt: Math.max(state.windowEndsAt, added.windowEndsAt),
    pending: [...state.pending, ...added.pending.filter(({ holder }) => !holders.has(holder))],
    consecutive: Math.max(
      state.consecutive + failures,
      added.consecutive,
      union(distinct, previous).length,
    ),
    failedAt: Math.max(state.failedAt, added.failedAt),
  }
}
