import { LAST_CHUNK, writeChunk } from './chunked.ts'
import type { Exchanger } from './exchanger.ts'
import type { UpstreamConnection } from './upstream-connection.ts'

/** A request body on its way up; `stop` ends the watch over it. */
export type Upload = { readonly stop: () => void }

/** A client that sends less than this between two looks, and is not held back by us, is too slow. */
const LEAST_OCTETS = 1_024
const LOOK_MS = 10_000

/** Streams a request's body to the upstream; `fail` is told when the client dawdles or babbles. */
export const createUpload = (
  from: Exchanger,
  to: UpstreamConnection,
  chunked: boolean,
  fail: (reason: 'request-timeout' | 'request-malformed') => void,
): Upload => {
  let since = 0
  let heldBack = false
  let awaitsDrain = false

  const resume = (): void => {
    awaitsDrain = false
    from.resume()
  }
  const write = (chunk: Buffer): boolean =>
    chunked ? writeChunk(to.socket, chunk) : to.socket.write(chunk)
  const stop = (): void => {
    clearInterval(look)
    to.socket.off('drain', resume)
  }
  const look = setInterval(() => {
    const slow = since < LEAST_OCTETS && !heldBack
    since = 0
    heldBack = to.socket.writableNeedDrain
    if (slow) fail('request-timeout')
  }, LOOK_MS)
  look.unref()

  from.read({
    data: (chunk) => {
      since += chunk.length
      if (to.socket.destroyed || write(chunk) || awaitsDrain) return
      heldBack = true
      awaitsDrain = true
      from.pause()
      to.socket.once('drain', resume)
    },
    end: () => {
      stop()
      if (chunked) to.socket.write(LAST_CHUNK, 'latin1')
      to.requestEnded()
    },
    broken: () => {
      stop()
      fail('request-malformed')
    },
  })
  return { stop }
}
