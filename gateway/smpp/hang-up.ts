import type { Socket } from 'node:net'

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
