import { createHash } from 'node:crypto'
import { createServer, request, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'

/** RFC 6455 §1.3. */
const magic = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
const acceptOf = (key: string): string =>
  createHash('sha1')
    .update(key + magic)
    .digest('base64')

export type WebSocketUpstream = {
  readonly url: string
  readonly server: Server
  /** The upgrade requests that arrived, and the sockets they became. */
  readonly seen: readonly IncomingMessage[]
  readonly sockets: readonly Duplex[]
  readonly stop: () => Promise<void>
}

/** Accepts every upgrade and echoes octets, or does with the socket what `use` says. */
export const startWebSocketUpstream = async (
  use: (socket: Duplex) => void = (socket) => void socket.pipe(socket),
): Promise<WebSocketUpstream> => {
  const seen: IncomingMessage[] = []
  const sockets: Duplex[] = []
  const server = createServer((_, outgoing) => outgoing.end('no upgrade'))
  server.on('upgrade', (incoming, socket: Duplex) => {
    seen.push(incoming)
    sockets.push(socket)
    socket.on('error', () => undefined)
    const key = incoming.headers['sec-websocket-key'] ?? ''
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Sec-WebSocket-Accept: ${acceptOf(key)}\r\n\r\n`,
    )
    use(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    server,
    seen,
    sockets,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** The answer to an upgrade: switched with a socket, or not. */
export type Upgraded =
  | { readonly status: 101; readonly incoming: IncomingMessage; readonly socket: Duplex }
  | { readonly status: number; readonly incoming: IncomingMessage; readonly socket?: undefined }

/** Asks for WebSocket (RFC 6455 §4.1); undefined when the connection closed without an answer. */
export const upgrade = (
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Upgraded | undefined> =>
  new Promise((resolve) => {
    const key = 'dGhlIHNhbXBsZSBub25jZQ=='
    const outgoing = request(url, {
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': key,
        ...headers,
      },
    })
    outgoing.on('upgrade', (incoming, socket: Duplex, rest: Buffer) => {
      if (rest.length > 0) socket.unshift(rest)
      socket.on('error', () => undefined)
      resolve({ status: 101, incoming, socket })
    })
    outgoing.on('response', (incoming) => {
      incoming.resume()
      resolve({ status: incoming.statusCode ?? 0, incoming })
    })
    outgoing.on('error', () => {
      resolve(undefined)
    })
    outgoing.end()
  })
