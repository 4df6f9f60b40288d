/** Holds one answer back until the floor is reached; calls it at once if it is already. */
export type Floor = (answer: () => void) => void

/**
 * The time before which a bind is not refused, in ms from now. Its timer is set now and not when
 * the reason is known: rounded to whole ms, a later one would tell when that was.
 */
export const createFloor = (ms: number, elapsed: () => number): Floor => {
  const due = elapsed() + ms
  let isReached = ms === 0
  let held: (() => void) | undefined
  const look = (): void => {
    const left = due - elapsed()
    // A timer may be early, since it counts from when this turn of the event loop began.
    if (left > 0) {
      setTimeout(look, Math.ceil(left))
      return
    }
    isReached = true
    held?.()
  }
  if (!isReached) setTimeout(look, ms)
  return (answer) => {
    if (isReached) answer()
    else held = answer
  }
}
