import type { Attempt, Decision } from '../policies/ports.ts'

/** When an attempt may be refused, and before which others of that moment. */
export type Place = { readonly at: number; readonly turn: number }

/** Holds refusals back, so that the time until they come tells nothing of their reason. */
export type Floor = {
  /** The place of an attempt that arrived then (`elapsed`); asked for in order of arrival. */
  readonly placeOf: (
    attempt: Attempt,
    decision: Decision | Promise<Decision>,
    arrivedAt: number,
  ) => Place
  /** Calls back at that moment, or at once when it is over. */
  readonly release: (place: Place, then: () => void) => void
}

export type FloorOptions = {
  /** Ms that never run backwards. */
  readonly elapsed: () => number
  /** Least time from arrival to refusal, in ms; 0: nothing is held back. */
  readonly floorMs: number
  /** How long comparing a password usually takes, in ms. */
  readonly usualMs: () => number
  /** How many are compared at once, and how many may wait for it. */
  readonly concurrency: number
  readonly queue: number
}

/** Refusals leave on a common grid, in ms, in the order in which their attempts arrived. */
const GRID_MS = 10

/** How much a timer may be late, in ms; the rest is waited for without one. */
const TIMER_MS = 2

/**
 * A line in which every attempt with a password takes a turn as if it were compared, whether it is
 * or not: how busy it is tells how many came, and not which of them named a user.
 */
const createLine = ({ usualMs, concurrency, queue }: FloorOptions) => {
  let endsAt = 0
  return (now: number): number => {
    const usual = usualMs()
    const most = ((queue + concurrency) * usual) / concurrency
    endsAt = Math.min(Math.max(endsAt, now) + usual / concurrency, now + most)
    return endsAt + usual - usual / concurrency
  }
}

/** What is let in at once had been compared before. */
const mayBeCompared = ({ credential }: Attempt, decision: Decision | Promise<Decision>): boolean =>
  credential.kind === 'password' && (decision instanceof Promise || decision.effect !== 'permit')

export const createFloor = (options: FloorOptions): Floor => {
  const { elapsed, floorMs } = options
  const takeTurn = createLine(options)
  const steps = new Map<number, { readonly turn: number; readonly then: () => void }[]>()
  let turns = 0

  /** To the part of a millisecond: how late a timer is depends on what was done before. */
  const fire = (at: number): void => {
    const left = at - elapsed()
    if (left > TIMER_MS) setTimeout(fire, left - TIMER_MS, at)
    else if (left > 0) setImmediate(fire, at)
    else {
      const due = steps.get(at) ?? []
      steps.delete(at)
      for (const { then } of due.sort((one, other) => one.turn - other.turn)) then()
    }
  }
  return {
    placeOf: (attempt, decision, arrivedAt) => {
      const compared = mayBeCompared(attempt, decision) ? takeTurn(arrivedAt) : 0
      const at = floorMs === 0 ? 0 : Math.max(arrivedAt + floorMs, compared)
      return { at: Math.ceil(at / GRID_MS) * GRID_MS, turn: ++turns }
    },
    release: ({ at, turn }, then) => {
      if (at <= elapsed()) {
        then()
        return
      }
      const due = steps.get(at)
      if (due !== undefined) due.push({ turn, then })
      else {
        steps.set(at, [{ turn, then }])
        fire(at)
      }
    },
  }
}
