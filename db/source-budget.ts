import type { AttemptLimits, SourceCount } from './attempts.ts'

type Window = { count: number; readonly endsAt: number }

/** A window with the refusal that was just added to it. */
export type OpenWindow = Readonly<Window>

/** Refusals per source in the process, in windows that begin with the first and never move. */
export type SourceBudget = {
  readonly add: (group: string, now: number) => OpenWindow
  readonly count: (group: string, now: number) => SourceCount
  readonly blockedUntil: (group: string, now: number) => number | undefined
  readonly size: () => number
}

/** How many windows are looked at for room whenever one opens. */
const triesPerWindow = 8

/** Holds about `sources` windows: more only while they are used up. */
export const createSourceBudget = ({
  sources,
  sourceRefusals,
  sourceWindowMs,
}: Pick<AttemptLimits, 'sources' | 'sourceRefusals' | 'sourceWindowMs'>): SourceBudget => {
  // In the order in which they opened, so that those that are over come first.
  const windows = new Map<string, Window>()
  let hand = windows.entries()
  let seen: readonly [string, Window] | undefined

  /** A live iterator goes on where it stopped, so what was deleted is passed over only once. */
  const oldest = (): readonly [string, Window] | undefined => {
    if (seen !== undefined && windows.get(seen[0]) === seen[1]) return seen
    const next = hand.next()
    if (next.done === true) hand = windows.entries()
    seen = next.value
    return seen
  }

  const makeRoom = (now: number): void => {
    for (let tries = 0; tries < triesPerWindow; tries++) {
      const [group, window] = oldest() ?? []
      if (group === undefined || window === undefined) return
      const isOver = window.endsAt <= now
      if (!isOver && windows.size <= sources) return
      windows.delete(group)
      seen = undefined
      if (!isOver && window.count >= sourceRefusals) windows.set(group, window)
    }
  }

  const open = (group: string, now: number): Window => {
    const window = { count: 0, endsAt: now + sourceWindowMs }
    windows.delete(group)
    windows.set(group, window)
    makeRoom(now)
    return window
  }

  const add = (group: string, now: number): OpenWindow => {
    const known = windows.get(group)
    const window = known !== undefined && known.endsAt > now ? known : open(group, now)
    window.count++
    return window
  }

  return {
    add,
    count(group, now) {
      const window = add(group, now)
      return window.count >= sourceRefusals
        ? { count: window.count, blockedUntil: window.endsAt }
        : { count: window.count }
    },
    blockedUntil(group, now) {
      const window = windows.get(group)
      return window !== undefined && window.count >= sourceRefusals && window.endsAt > now
        ? window.endsAt
        : undefined
    },
    size: () => windows.size,
  }
}
