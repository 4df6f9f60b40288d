import { connect, type Socket } from 'node:net'

/** What came back on a connection until it was closed, or until `until` was satisfied. */
export type RawAnswer = { readonly text: string; readonly closed: boolean }

/** Sends octets as they are (`latin1`), piece by piece, and reads until the peer closes. */
export const exchangeRaw = (
  port: number,
  pieces: string | readonly string[],
  until: (text: string) => boolean = () => false,
  timeoutMs = 10_000,
): Promise<RawAnswer> =>
  new Promise((resolve, reject) => {
    const socket: Socket = connect(port, '127.0.0.1')
    let text = ''
    const finish = (closed: boolean): void => {
      clearTimeout(deadline)
      socket.destroy()
      resolve({ text, closed })
    }
    const deadline = setTimeout(() => {
      socket.destroy()
      reject(new Error(`neither closed nor answered in time: ${JSON.stringify(text)}`))
    }, timeoutMs)
    socket.on('error', () => undefined)
    socket.on('close', () => {
      finish(true)
    })
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (until(text)) finish(false)
    })
    socket.on('connect', () => {
      for (const piece of [pieces].flat()) socket.write(piece, 'latin1')
    })
  })

/** The status codes of the answers in a text. */
export const statusesIn = (text: string): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map((match) => Number(match[1]))
