/** One timer for all that must be looked at now and then, however many they are. */
export type Ticker = {
  /** `check` is called with the time, again and again; returns what ends that. */
  readonly add: (check: (now: number) => void) => () => void
  readonly size: () => number
}

/** Sleeps while there is nothing to check. `elapsed` never runs backwards, in ms. */
export const createTicker = (elapsed: () => number, everyMs: number): Ticker => {
  const checks = new Set<(now: number) => void>()
  let timer: NodeJS.Timeout | undefined
  const tick = (): void => {
    const now = elapsed()
    for (const check of checks) check(now)
  }
  return {
    add: (check) => {
      checks.add(check)
      timer ??= setInterval(tick, everyMs)
      return () => {
        if (!checks.delete(check) || checks.size > 0) return
        clearInterval(timer)
        timer = undefined
      }
    },
    size: () => checks.size,
  }
}
