import {
  createServer,
  ServerResponse,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { Authorize } from '../../policies/ports.ts'
import type { WireFault } from '../../policies/facts.ts'
import type { ClientAddress } from '../client-address.ts'
import type { System } from '../system.ts'
import type { ClientConnection } from './connection.ts'
import type { Door } from './door.ts'
import { problemOctets, renderProblem } from './problem.ts'

export type HttpServerDeps = {
  readonly door: Door
  readonly authorize: Authorize
  readonly clientAddress: ClientAddress
  readonly connectionOf: (socket: Socket) => ClientConnection
  readonly system: System
  readonly answered: (status: number) => void
  readonly tls?: SecureContextOptions | undefined
  readonly limits: {
    readonly headerBytes: number
    /** From the first octet of a head to its last, in ms. */
    readonly headerTimeoutMs: number
    /** How long a connection may wait for its next request, in ms. */
    readonly idleTimeoutMs: number
    readonly maxConnections: number
  }
}

const faultOf = (code: unknown): WireFault => {
  if (code === 'HPE_HEADER_OVERFLOW') return 'header-fields-too-large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request-timeout' : 'request-malformed'
}

/** A response object for a socket that the server has let go of (an upgrade, CONNECT). */
const respondOn = (incoming: IncomingMessage, socket: Socket): ServerResponse => {
  const outgoing = new ServerResponse(incoming)
  socket.on('error', () => undefined)
  outgoing.assignSocket(socket)
  outgoing.shouldKeepAlive = false
  socket.on('drain', () => outgoing.emit('drain'))
  outgoing.on('finish', () => {
    outgoing.detachSocket(socket)
    socket.end()
  })
  return outgoing
}

/** The data plane's server, not yet listening. Anything that does not parse is refused and closed. */
export const createHttpServer = (deps: HttpServerDeps): Server => {
  const { door, limits, connectionOf } = deps

  const onRequest: RequestListener = (incoming, outgoing) => {
    door(incoming, outgoing, 'plain')
  }
  const options = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headerTimeoutMs,
    // A body may take as long as it keeps flowing: see upload.ts.
    requestTimeout: 0,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: Math.min(1_000, limits.headerTimeoutMs),
    insecureHTTPParser: false,
    requireHostHeader: false,
    noDelay: true,
    // Any other protocol, h2c above all, would carry requests past the door.
    shouldUpgradeCallback: ({ method, headers }: IncomingMessage) =>
      method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket',
  }
  const server =
    deps.tls === undefined
      ? createServer(options, onRequest)
      : createTlsServer(
          { ...options, ...deps.tls, minVersion: 'TLSv1.2', handshakeTimeout: 10_000 },
          onRequest,
        )
  server.maxConnections = limits.maxConnections
  // More fields than Node's default of 2,000 would be cut off unseen; the octets are bounded instead.
  server.maxHeadersCount = 0

  server.on('checkContinue', (incoming, outgoing) => {
    door(incoming, outgoing, 'continue')
  })
  // Expectations that we do not know may be ignored (RFC 9110 §10.1.1).
  server.on('checkExpectation', onRequest)
  server.on('upgrade', (incoming, socket: Duplex, rest: Buffer) => {
    if (rest.length > 0) socket.unshift(rest)
    door(incoming, respondOn(incoming, socket as Socket), 'upgrade')
  })
  server.on('connect', (incoming, socket: Duplex) => {
    door(incoming, respondOn(incoming, socket as Socket), 'plain')
  })

  const refuseOctets = async (socket: Socket, fault: WireFault): Promise<void> => {
    const decision = await deps.authorize({
      channel: 'http',
      client: deps.clientAddress(connectionOf(socket).remote, []),
      credential: { kind: 'absent' },
      fault,
      route: undefined,
    })
    if (decision.effect === 'permit' || !socket.writable) return
    const problem = renderProblem(decision.reason, decision.id)
    deps.answered(problem.status)
    socket.end(problemOctets(problem, deps.system.now()), 'latin1')
    // Whatever else comes is not read; a client that does not hang up is hung up on.
    setTimeout(() => socket.destroy(), 1_000).unref()
  }
  server.on('clientError', (error: NodeJS.ErrnoException, duplex: Duplex) => {
    const socket = duplex as Socket
    const { serving } = connectionOf(socket)
    const busy = serving !== undefined && !serving.writableFinished
    if (error.code === 'ECONNRESET' || !socket.writable || busy) socket.destroy()
    else void refuseOctets(socket, faultOf(error.code))
  })
  return server
}
