import { createCache } from '../cache.ts'

/** How many messages a user may send, over all binds together. */
export type MessageBudget = {
  /** Asked before each message: whether it may go on. */
  readonly mayPass: () => boolean
  /** Messages a second from now on; undefined: as many as come. */
  readonly setRate: (rate: number | undefined) => void
}

/** A message may have as many parts (3GPP TS 23.040 §9.2.3.24.1), and its parts come at once. */
const MOST_PARTS = 255

/** A rate with a burst in which the longest message fits whole. */
const createMessageBudget = (elapsed: () => number): MessageBudget => {
  let rate: number | undefined
  let tokens = Infinity
  let at = 0
  return {
    mayPass: () => {
      if (rate === undefined) return true
      const now = elapsed()
      tokens = Math.min(Math.max(rate, MOST_PARTS), tokens + ((now - at) / 1_000) * rate)
      at = now
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
    setRate: (next) => {
      rate = next
    },
  }
}

/** The budget of a user, which a new bind does not fill anew. */
export type MessageBudgets = { readonly of: (userId: string) => MessageBudget }

/** Remembers about `most` users. */
export const createMessageBudgets = (most: number, elapsed: () => number): MessageBudgets => {
  const budgets = createCache<string, MessageBudget>(most)
  return {
    of: (userId) => {
      const known = budgets.get(userId)
      if (known !== undefined) return known
      const budget = createMessageBudget(elapsed)
      budgets.set(userId, budget)
      return budget
    },
  }
}
