import type { IncomingMessage } from 'node:http'
import type { UpstreamConnection } from './upstream-connection.ts'

/** A request body on its way up. */
export type Upload = {
  readonly done: () => boolean
  readonly stop: () => void
}

/** A client that sends less than this between two looks, and is not held back by us, is too slow. */
const LEAST_OCTETS = 1_024
const LOOK_MS = 10_000

/** Streams a request's body to the upstream; `stalled` is called once when the client dawdles. */
export const createUpload = (
  incoming: IncomingMessage,
  to: UpstreamConnection,
  chunked: boolean,
  stalled: () => void,
): Upload => {
  let done = false
  let since = 0
  let heldBack = false

  const resume = (): void => {
    incoming.resume()
  }
  const onData = (chunk: Buffer): void => {
    since += chunk.length
    let free: boolean
    if (chunked) {
      to.socket.cork()
      to.socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      to.socket.write(chunk)
      free = to.socket.write('\r\n', 'latin1')
      to.socket.uncork()
    } else free = to.socket.write(chunk)
    if (free) return
    heldBack = true
    incoming.pause()
    to.socket.once('drain', resume)
  }
  const stop = (): void => {
    done = true
    clearInterval(look)
    incoming.off('data', onData).off('end', onEnd)
    to.socket.off('drain', resume)
  }
  const onEnd = (): void => {
    stop()
    if (chunked) to.socket.write('0\r\n\r\n', 'latin1')
    to.requestEnded()
  }
  const look = setInterval(() => {
    const slow = since < LEAST_OCTETS && !heldBack
    since = 0
    heldBack = to.socket.writableNeedDrain
    if (slow) stalled()
  }, LOOK_MS)

  incoming.on('data', onData).on('end', onEnd)
  return { done: () => done, stop }
}
