/** One that was up for so long did not end because of how it starts, in ms. */
const STEADY_MS = 10_000

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 10_000

/** The life of a worker that has ended. */
export type Life = {
  readonly wasUp: boolean
  readonly livedMs: number
  /** How many before it, in the same place, had no steady life, one after the other. */
  readonly shortBefore: number
}

/**
 * How long to wait before its successor is started, in ms: not at all after a steady life or the
 * first short one, and longer and longer when they keep ending, so that a fault that stays does not
 * keep the machine busy. One that never came up is waited for from the first time.
 */
export const pauseAfter = ({ wasUp, livedMs, shortBefore }: Life): number => {
  if (wasUp && (livedMs >= STEADY_MS || shortBefore === 0)) return 0
  const step = wasUp ? shortBefore - 1 : shortBefore
  return Math.min(FIRST_PAUSE_MS * 2 ** step, LONGEST_PAUSE_MS)
}

/** How many short lives there were in a row, this one among them. */
export const shortLives = ({ wasUp, livedMs, shortBefore }: Life): number =>
  wasUp && livedMs >= STEADY_MS ? 0 : shortBefore + 1
