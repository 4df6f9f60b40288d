import type { Socket } from 'node:net'

/**
 * For `error` on sockets that are minded by their `close`, which always follows. One function for
 * all, so that no socket keeps alive what surrounded a function of its own.
 */
export const ignoreError = (): void => undefined

/**
 * Says the last words and closes: what still comes is read and dropped, since closing with octets
 * unread resets the connection and may lose the words. Gone after `closeMs` whatever the peer does.
 */
export const hangUp = (socket: Socket, lastWords: Buffer, closeMs: number): void => {
  if (socket.destroyed) return
  const deadline = setTimeout(() => socket.destroy(), closeMs)
  socket.once('close', () => {
    clearTimeout(deadline)
  })
  socket.end(lastWords)
  socket.resume()
}
