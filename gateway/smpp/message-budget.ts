/** Asked before each message: whether it may go on. */
export type MessageBudget = () => boolean

/** A message may have as many parts (3GPP TS 23.040 §9.2.3.24.1), and its parts come at once. */
const MOST_PARTS = 255

/** So many messages a second, with a burst in which the longest message fits whole. */
export const createMessageBudget = (rate: number, elapsed: () => number): MessageBudget => {
  const burst = Math.max(rate, MOST_PARTS)
  let tokens = burst
  let at = elapsed()
  return () => {
    const now = elapsed()
    tokens = Math.min(burst, tokens + ((now - at) / 1_000) * rate)
    at = now
    if (tokens < 1) return false
    tokens -= 1
    return true
  }
}
