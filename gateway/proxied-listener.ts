import type { Server, Socket } from 'node:net'
import { parseAddress, type Address } from '../policies/address.ts'
import type { IsTrusted } from './client-address.ts'
import { readProxyHeader } from './proxy-protocol.ts'

export type ProxiedOptions = {
  readonly isTrusted: IsTrusted
  /** From accept to the end of the header, in ms. */
  readonly deadlineMs: number
  /** Told why a connection was closed before anyone else saw it. */
  readonly onRefused?: (fault: string, peer: Address | undefined) => void
}

type Accepting = ProxiedOptions & {
  /** The socket begins after the header now; `source` is whom the proxy speaks for. */
  readonly onReady: (socket: Socket, source: Address) => void
}

/**
 * A remote address as policies read it, a link-local one without its zone (RFC 4007 §11.2);
 * undefined once the socket is gone.
 */
export const addressOfSocket = ({
  remoteAddress,
}: Pick<Socket, 'remoteAddress'>): Address | undefined =>
  remoteAddress === undefined ? undefined : parseAddress(remoteAddress.replace(/%.*$/, ''))

/**
 * Takes the PROXY header off a fresh socket and hands the rest on, exactly as it was sent. Whatever
 * is not a header of a trusted peer, in time, destroys the socket.
 */
const acceptProxied = (socket: Socket, options: Accepting): void => {
  const peer = addressOfSocket(socket)
  let bytes: Buffer = Buffer.alloc(0)

  const release = (): void => {
    clearTimeout(deadline)
    socket.off('readable', read).off('end', onEnd).off('error', onError).off('close', release)
  }
  const refuse = (fault: string): void => {
    release()
    socket.on('error', () => undefined)
    socket.destroy()
    options.onRefused?.(fault, peer)
  }
  const read = (): void => {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) return
    bytes = Buffer.concat([bytes, chunk])
    const reading = readProxyHeader(bytes)
    if ('fault' in reading) refuse(reading.fault)
    if (!('header' in reading)) return
    const source = reading.header.source ?? peer
    if (source === undefined) {
      refuse('the peer is gone')
      return
    }
    release()
    const rest = bytes.subarray(reading.header.length)
    if (rest.length > 0) socket.unshift(rest)
    options.onReady(socket, source)
  }
  const onEnd = (): void => {
    refuse('ended within the header')
  }
  const onError = (): void => {
    refuse('reset within the header')
  }
  const deadline = setTimeout(refuse, options.deadlineMs, 'no header in time')

  if (peer === undefined || !options.isTrusted(peer)) {
    refuse('the peer is not trusted')
    return
  }
  socket.on('readable', read).on('end', onEnd).on('error', onError).on('close', release)
}

/** By remote address and port, which TLS sockets share with the socket that they wrap. */
export const keyOfSocket = ({ remoteAddress, remotePort }: Socket): string =>
  `${remoteAddress ?? ''} ${remotePort ?? 0}`

/** Who is behind a socket of the listener, plain or TLS; undefined for any other socket. */
export type FindSource = (socket: Socket) => Address | undefined

/**
 * Makes a server (net, http, https, tls) demand a PROXY header of every connection before it sees
 * the rest. Call it once, before it listens and after its own listeners are in place.
 */
export const requireProxyHeader = (server: Server, options: ProxiedOptions): FindSource => {
  const sources = new Map<string, Address>()
  const accepted = server.listeners('connection') as ((socket: Socket) => void)[]
  const onReady = (socket: Socket, source: Address): void => {
    const key = keyOfSocket(socket)
    sources.set(key, source)
    socket.once('close', () => sources.delete(key))
    for (const accept of accepted) accept.call(server, socket)
  }
  server.removeAllListeners('connection')
  server.on('connection', (socket) => {
    acceptProxied(socket, { ...options, onReady })
  })
  return (socket) => sources.get(keyOfSocket(socket))
}
