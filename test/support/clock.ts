import { createSystem, type System } from '../../gateway/system.ts'

/** The machine's time, which a test can put forward. */
export type ShiftedClock = Pick<System, 'now' | 'elapsed'> & {
  /** Lets so many ms pass at once. */
  readonly pass: (ms: number) => void
}

export const createShiftedClock = (): ShiftedClock => {
  const { now, elapsed } = createSystem()
  let shift = 0
  return {
    now: () => now() + shift,
    elapsed: () => elapsed() + shift,
    pass: (ms) => {
      shift += ms
    },
  }
}
