/** Holds refusals back, so that the time until they come tells nothing of their reason. */
export type Floor = {
  /** To be called when an attempt arrives: the moment before which it is not refused. */
  readonly begin: () => number
  /** Calls back at that moment, or at once when it is over. */
  readonly release: (at: number, then: () => void) => void
}

export type FloorOptions = {
  readonly elapsed: () => number
  /** Least time from arrival to refusal, in ms. */
  readonly floorMs: number
  /** How long a verification that starts now is going to take, in ms: refusals without one wait, too. */
  readonly expectedMs: () => number
}

/**
 * Refusals leave on a common grid, in ms: whatever was done before shifts none of them by less, and
 * those of one step leave together.
 */
const GRID_MS = 4

export const createFloor = ({ elapsed, floorMs, expectedMs }: FloorOptions): Floor => {
  const steps = new Map<number, (() => void)[]>()

  /** Node's timers may fire up to a millisecond early, and what is early is told apart. */
  const fire = (at: number): void => {
    const left = at - elapsed()
    if (left > 0) {
      setTimeout(fire, Math.ceil(left), at)
      return
    }
    const due = steps.get(at) ?? []
    steps.delete(at)
    for (const then of due) then()
  }
  return {
    begin: () => {
      const wait = floorMs === 0 ? 0 : Math.max(floorMs, expectedMs())
      return Math.ceil((elapsed() + wait) / GRID_MS) * GRID_MS
    },
    release: (at, then) => {
      if (at <= elapsed() || floorMs === 0) {
        then()
        return
      }
      const due = steps.get(at)
      if (due !== undefined) due.push(then)
      else {
        steps.set(at, [then])
        fire(at)
      }
    },
  }
}
