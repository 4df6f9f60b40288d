import { createSystem, type System } from '../../gateway/system.ts'

/** The machine's time, which a test can put forward. */
export type ShiftedClock = Pick<System, 'now' | 'elapsed'> & {
  /** Lets so many ms pass at once. */
  readonly pass: (ms: number) => void
}

/** Time that passes only when a test says so. */
export const createStillClock = (): ShiftedClock => {
  const { now, elapsed } = createSystem()
  const [nowAt, elapsedAt] = [now(), Math.round(elapsed())]
  let passed = 0
  return {
    now: () => nowAt + passed,
    elapsed: () => elapsedAt + passed,
    pass: (ms) => {
      passed += ms
    },
  }
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
