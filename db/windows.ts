/** What is left of a window, after this asking. */
export type Taken = {
  readonly taken: boolean
  readonly left: number
  /** When the window ends (ms since the epoch). */
  readonly until: number
}

/**
 * Counters of what may be done so often in a while: PINs that are sent again, mails to one
 * destination, refusals of one source. A window begins with the first and is never extended; what
 * finds nothing left counts nothing.
 */
export type Windows = {
  readonly take: (key: string, limit: number, windowMs: number) => Promise<Taken>
}

type Window = { count: number; readonly endsAt: number }

export type EmbeddedWindowsOptions = {
  readonly now: () => number
  readonly elapsed: () => number
  /** Beyond it the oldest windows are let go. */
  readonly most?: number
}

/** The windows of one process; time is measured, so a clock that is set changes none. */
export const createEmbeddedWindows = (options: EmbeddedWindowsOptions): Windows => {
  const { now, elapsed, most = 100_000 } = options
  // In the order in which they opened.
  const windows = new Map<string, Window>()

  const open = (key: string, windowMs: number): Window => {
    const window = { count: 0, endsAt: elapsed() + windowMs }
    windows.delete(key)
    windows.set(key, window)
    const [oldest] = windows.keys()
    if (windows.size > most && oldest !== undefined) windows.delete(oldest)
    return window
  }

  return {
    take: async (key, limit, windowMs) => {
      const present = windows.get(key)
      const window =
        present !== undefined && present.endsAt > elapsed() ? present : open(key, windowMs)
      const taken = window.count < limit
      if (taken) window.count++
      const until = Math.ceil(now() + window.endsAt - elapsed())
      return { taken, left: Math.max(0, limit - window.count), until }
    },
  }
}
