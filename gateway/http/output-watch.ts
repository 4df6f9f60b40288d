import type { Socket } from 'node:net'

/** What was written and not yet taken by the other side: nothing, something, the same for too long. */
export type Output = 'none' | 'moving' | 'stalled'

/** Tells, when asked now and then, how what was written to a socket comes along. */
export const createOutputWatch = (socket: Socket, limitMs: number): ((now: number) => Output) => {
  let taken = 0
  let stalledAt = Infinity
  return (now) => {
    const left = socket.writableLength
    if (left === 0) {
      stalledAt = Infinity
      return 'none'
    }
    const before = taken
    taken = socket.bytesWritten - left
    if (taken !== before || stalledAt === Infinity) stalledAt = now + limitMs
    return now < stalledAt ? 'moving' : 'stalled'
  }
}
