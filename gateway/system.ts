import { randomBytes } from 'node:crypto'

/** What the program takes from the machine around it; made once and passed down. */
export type System = {
  /** The instant, in ms since the epoch; it jumps when the machine's clock is set. */
  readonly now: () => number
  /** Ms since some fixed moment; never runs backwards, so durations are measured with it. */
  readonly elapsed: () => number
  /** Bytes fit for keys and tokens. */
  readonly random: (bytes: number) => Buffer
}

/** The machine's own clock and randomness: nothing else in the program asks for them. */
export const createSystem = (): System => ({
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random: (bytes) => randomBytes(bytes),
})
