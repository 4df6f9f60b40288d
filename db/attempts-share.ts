import type { BucketState } from '../policies/bucket.ts'
import type { LockoutRules } from '../policies/lockout.ts'

/** The distinct secrets that hold a place in a bucket, counted or being tried. */
export const secretsIn = ({ distinct, pending }: BucketState): ReadonlySet<string> =>
  new Set([...distinct, ...pending.map(({ fingerprint }) => fingerprint)])

/**
 * How many guesses one of several nodes may permit by itself. With one node that reached the limit
 * before, the others together must not permit more than one each beyond it: so one each, and two
 * where there are two nodes.
 */
export const shareOf = (limit: number, nodes: number): number =>
  nodes <= 1
    ? limit
    : Math.max(1, Math.min(Math.floor(limit / nodes), Math.floor(nodes / (nodes - 1))))

/**
 * The rules for a node that is cut off from the others: its share, or one more than was known of
 * before (`seed`), but never more than the limit. Over all nodes that is limit + nodes at most.
 */
export const rulesAlone = (
  rules: LockoutRules,
  state: BucketState,
  seed: ReadonlySet<string>,
  nodes: number,
): LockoutRules => {
  const known = [...secretsIn(state)].filter((it) => seed.has(it)).length
  const share = shareOf(rules.limit, nodes)
  const limit = nodes <= 1 ? rules.limit : Math.min(rules.limit, Math.max(share, known + 1))
  return { ...rules, limit }
}
