import { createServer, type Server, type Socket } from 'node:net'
import {
  createServer as createTlsServer,
  type Server as TlsServer,
  type TlsOptions,
} from 'node:tls'
import type { System } from '../system.ts'
import type { ClientConnection } from './connection.ts'
import type { Door } from './door.ts'
import type { FieldUseOf } from './fields.ts'
import {
  createServerConnection,
  type ConnectionLimits,
  type ServerConnection,
} from './server-connection.ts'

export type HttpServerDeps = {
  readonly door: Door
  readonly connectionOf: (socket: Socket) => ClientConnection
  readonly useOf: FieldUseOf
  readonly system: System
  readonly tls?: TlsOptions | undefined
  readonly limits: ConnectionLimits & { readonly maxConnections: number }
}

/** The data plane's server, not yet listening. */
export type HttpServer = {
  readonly server: Server | TlsServer
  /** Takes no further connection or request; what is under way is answered. */
  readonly drain: () => void
  /** Connections whose request is being answered. */
  readonly serving: () => number
  readonly close: () => void
}

const LOOK_MS = 500

/** The instant as RFC 9110 §5.6.7 writes it, made once a second. */
const createDate = ({ now }: System): (() => string) => {
  let second = -1
  let text = ''
  return () => {
    const at = Math.floor(now() / 1_000)
    if (at !== second) {
      second = at
      text = new Date(at * 1_000).toUTCString()
    }
    return text
  }
}

export const createHttpServer = (deps: HttpServerDeps): HttpServer => {
  const { door, connectionOf, useOf, system, limits } = deps
  const { elapsed } = system
  const date = createDate(system)
  const open = new Map<Socket, ServerConnection>()

  const onConnection = (socket: Socket): void => {
    const client = connectionOf(socket)
    const connection = createServerConnection(socket, {
      limits,
      useOf,
      elapsed,
      date,
      onRequest: (exchanger, request) => {
        door.enter(exchanger, client, request)
      },
      onFault: (exchanger, fault) => {
        door.refuseFault(exchanger, client, fault)
      },
    })
    open.set(socket, connection)
    socket.once('close', () => open.delete(socket))
  }
  // A client that has sent its request may end its side and wait for the answer.
  const options = { allowHalfOpen: true, noDelay: true }
  const server: Server | TlsServer =
    deps.tls === undefined
      ? createServer(options, onConnection)
      : createTlsServer(
          {
            ...options,
            ...deps.tls,
            ALPNProtocols: ['http/1.1'],
            handshakeTimeout: limits.headerTimeoutMs,
          },
          onConnection,
        )
  server.maxConnections = limits.maxConnections
  // What is no TLS is no client of ours; there is nothing to answer in.
  server.on('tlsClientError', (_: Error, socket: Socket) => socket.destroy())
  const look = setInterval(() => {
    const now = elapsed()
    for (const connection of open.values()) connection.look(now)
  }, LOOK_MS)
  look.unref()

  return {
    server,
    drain: () => {
      server.close()
      for (const connection of open.values()) connection.drain()
    },
    serving: () => [...open.values()].filter((connection) => connection.isServing()).length,
    close: () => {
      clearInterval(look)
      for (const socket of open.keys()) socket.destroy()
    },
  }
}
