import type { Random } from './secrets.ts'

/**
 * Whether it is worth asking. It holds no timer and no clock: each call brings the time with it, in
 * ms that never run backwards.
 */
export type Breaker = {
  /** Nobody is to wait for an answer that will not come. */
  readonly isOpen: () => boolean
  readonly succeeded: () => void
  readonly failed: (now: number) => void
  /** It cannot work at all: opens at once. */
  readonly lost: (now: number) => void
  /** True once per pause, to whoever will then say `probed`. */
  readonly takeProbe: (now: number) => boolean
  readonly probed: (worked: boolean, now: number) => void
  /** Told of each opening (true) and closing (false). */
  readonly listen: (listener: (isOpen: boolean) => void) => void
}

export type BreakerOptions = {
  readonly random: Random
  /** So many failures one after another open it. */
  readonly failures?: number
  /** Before the first probe, about; each further pause is twice as long, up to the longest. */
  readonly pauseMs?: number
  readonly longestPauseMs?: number
}

export const createBreaker = ({
  random,
  failures = 3,
  pauseMs = 100,
  longestPauseMs = 2_000,
}: BreakerOptions): Breaker => {
  const listeners: ((isOpen: boolean) => void)[] = []
  let isOpen = false
  let inARow = 0
  let pauses = 0
  let probeAt = 0
  let isProbing = false

  const become = (open: boolean): void => {
    if (isOpen === open) return
    isOpen = open
    for (const listener of listeners) listener(open)
  }
  /** Between half of a pause and the whole, so that nodes do not come all at once. */
  const pause = (now: number): void => {
    const longest = Math.min(pauseMs * 2 ** Math.min(pauses, 16), longestPauseMs)
    probeAt = now + (longest * (256 + random(1).readUInt8())) / 512
    pauses++
  }
  const open = (now: number): void => {
    if (isOpen) return
    pauses = 0
    pause(now)
    become(true)
  }

  return {
    isOpen: () => isOpen,
    succeeded: () => {
      inARow = 0
    },
    failed: (now) => {
      if (++inARow >= failures) open(now)
    },
    lost: open,
    takeProbe: (now) => {
      if (!isOpen || isProbing || now < probeAt) return false
      isProbing = true
      return true
    },
    probed: (worked, now) => {
      isProbing = false
      if (!worked) {
        pause(now)
        return
      }
      inARow = 0
      become(false)
    },
    listen: (listener) => {
      listeners.push(listener)
    },
  }
}
