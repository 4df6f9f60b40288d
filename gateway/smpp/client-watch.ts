import type { Socket } from 'node:net'

/** So much of what a client sends before its answer is kept; then it is not read from, as before. */
const HELD_OCTETS = 65_536

/**
 * Reads from a client that waits for its answer, since one that is not read from is not heard to
 * leave. What it sends is put back by what is returned, which ends the watch; `onGone` does so too.
 */
export const watchClient = (socket: Socket, onGone: () => void): (() => void) => {
  const held: Buffer[] = []
  let octets = 0
  const onData = (chunk: Buffer): void => {
    held.push(chunk)
    octets += chunk.length
    if (octets >= HELD_OCTETS) socket.pause()
  }
  const release = (): void => {
    socket.off('data', onData).off('end', onLost).off('close', onLost).pause()
  }
  const onLost = (): void => {
    release()
    held.length = 0
    onGone()
  }
  socket.on('data', onData).on('end', onLost).on('close', onLost).resume()
  return () => {
    release()
    if (held.length > 0) socket.unshift(Buffer.concat(held.splice(0)))
  }
}
