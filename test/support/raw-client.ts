import { connect, type Socket } from 'node:net'

/** A client that sends octets when it is told to, and keeps all that it hears (`latin1`). */
export type RawClient = {
  readonly socket: Socket
  readonly send: (octets: string) => void
  readonly text: () => string
  /** Resolves with all that was heard once it satisfies `enough`; rejects in time if it never does. */
  readonly until: (enough: (text: string) => boolean, timeoutMs?: number) => Promise<string>
  /** Resolves with all that was heard when the other side has closed. */
  readonly closed: (timeoutMs?: number) => Promise<string>
}

export const openRawClient = async (port: number): Promise<RawClient> => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const chunks: string[] = []
  const looks = new Set<() => void>()
  let isClosed = false
  const wake = (): void => {
    for (const look of looks) look()
  }
  socket.on('data', (chunk) => {
    chunks.push(chunk.toString('latin1'))
    wake()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => {
    isClosed = true
    wake()
  })
  await new Promise((resolve) => socket.once('connect', resolve).once('close', resolve))

  const text = (): string => chunks.join('')
  const wait = (enough: () => boolean, timeoutMs = 10_000): Promise<string> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (enough())
          settle(() => {
            resolve(text())
          })
        else if (isClosed)
          settle(() => {
            reject(new Error(`closed too soon: ${text()}`))
          })
      }
      const deadline = setTimeout(() => {
        settle(() => {
          reject(new Error(`not in time: ${text()}`))
        })
      }, timeoutMs)
      const settle = (then: () => void): void => {
        clearTimeout(deadline)
        looks.delete(look)
        then()
      }
      looks.add(look)
      look()
    })
  return {
    socket,
    send: (octets) => {
      socket.write(octets, 'latin1')
    },
    text,
    until: (enough, timeoutMs) => wait(() => enough(text()), timeoutMs),
    closed: (timeoutMs) => wait(() => isClosed, timeoutMs),
  }
}
