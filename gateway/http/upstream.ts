import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  createUpstreamConnection,
  type UpstreamConnection,
  type UpstreamFault,
} from './upstream-connection.ts'

export type UpstreamLimits = {
  /** Most connections open at once to one upstream; the rest waits in turn. */
  readonly connections: number
  /** Most exchanges waiting for a connection; beyond it the gateway is overloaded. */
  readonly waiting: number
  /** Longest wait for a connection: to be opened, or for one of them to be free. */
  readonly connectMs: number
  /** Longest silence while a response is awaited or flows. */
  readonly timeoutMs: number
  /** How long an idle connection is kept; under the five seconds after which many servers close. */
  readonly idleMs: number
}

export type Acquired = (got: UpstreamConnection | UpstreamFault | 'overloaded') => void

/** The kept-alive connections to one origin. */
export type Upstream = {
  readonly origin: URL
  /** An idle connection, at once, if there is one. */
  readonly takeIdle: () => UpstreamConnection | undefined
  /** A connection, sooner or later; returns what withdraws the wish. */
  readonly acquire: (then: Acquired) => () => void
  /** Connecting failed not long ago: another upstream is to be preferred, if there is one. */
  readonly isDown: () => boolean
  readonly close: () => void
}

const DOWN_MS = 2_000

const hostOf = (origin: URL): string => origin.hostname.replace(/^\[(.*)\]$/, '$1')

const openSocket = (origin: URL): Socket => {
  const host = hostOf(origin)
  if (origin.protocol === 'https:')
    return connectTls({
      host,
      port: Number(origin.port || 443),
      servername: /^[\d.]+$|:/.test(host) ? '' : host,
      ALPNProtocols: ['http/1.1'],
    })
  return connectTcp({ host, port: Number(origin.port || 80), noDelay: true })
}

/** Connects within the deadline and calls back once, with a socket or with what went wrong. */
const connect = (
  origin: URL,
  limits: UpstreamLimits,
  then: (socket: Socket | UpstreamFault) => void,
): Socket => {
  const socket = openSocket(origin)
  const ready = origin.protocol === 'https:' ? 'secureConnect' : 'connect'
  const settle = (result: Socket | UpstreamFault): void => {
    clearTimeout(deadline)
    socket.off('close', fail).off(ready, succeed)
    then(result)
  }
  const fail = (): void => {
    settle('unreachable')
    socket.destroy()
  }
  const succeed = (): void => {
    socket.setNoDelay(true)
    socket.setTimeout(limits.timeoutMs)
    settle(socket)
  }
  const deadline = setTimeout(fail, limits.connectMs)
  // An error is always followed by `close`, which tells enough.
  socket.on('error', () => undefined)
  socket.once('close', fail).once(ready, succeed)
  return socket
}

/** Opens nothing yet; `now` is monotonic, in ms. */
export const createUpstream = (
  origin: URL,
  limits: UpstreamLimits,
  now: () => number,
): Upstream => {
  const idle: { connection: UpstreamConnection; until: number }[] = []
  const open = new Set<UpstreamConnection>()
  const opening = new Set<Socket>()
  const waiting: Acquired[] = []
  let downUntil = -Infinity

  const owner = {
    idle: (connection: UpstreamConnection, idleSeconds: number | undefined): void => {
      const next = waiting.shift()
      if (next !== undefined) {
        next(connection)
        return
      }
      // A second less than the upstream says, so that it does not close on a request of ours.
      const named = idleSeconds === undefined ? limits.idleMs : (idleSeconds - 1) * 1_000
      idle.push({ connection, until: now() + Math.min(limits.idleMs, named) })
    },
    gone: (connection: UpstreamConnection): void => {
      if (!open.delete(connection)) return
      const at = idle.findIndex((entry) => entry.connection === connection)
      if (at !== -1) idle.splice(at, 1)
      grow()
    },
  }

  /** Opens connections for those who wait, as far as the limit allows. */
  const grow = (): void => {
    while (opening.size < waiting.length && open.size + opening.size < limits.connections) {
      const socket = connect(origin, limits, (result) => {
        opening.delete(socket)
        if (typeof result === 'string') {
          downUntil = now() + DOWN_MS
          waiting.shift()?.(result)
          grow()
          return
        }
        downUntil = -Infinity
        const connection = createUpstreamConnection(result, owner)
        open.add(connection)
        owner.idle(connection, undefined)
      })
      opening.add(socket)
    }
  }

  const sweep = setInterval(() => {
    const at = now()
    for (const { connection, until } of [...idle]) if (until <= at) connection.destroy()
  }, 1_000)
  sweep.unref()

  const takeIdle = (): UpstreamConnection | undefined => {
    const at = now()
    for (let entry = idle.pop(); entry !== undefined; entry = idle.pop()) {
      if (entry.until > at && !entry.connection.socket.destroyed) return entry.connection
      entry.connection.destroy()
    }
    return undefined
  }

  return {
    origin,
    takeIdle,
    acquire: (then) => {
      if (waiting.length >= limits.waiting) {
        then('overloaded')
        return () => undefined
      }
      const withdraw = (): void => {
        clearTimeout(patience)
        const at = waiting.indexOf(settle)
        if (at !== -1) waiting.splice(at, 1)
      }
      const settle: Acquired = (got) => {
        clearTimeout(patience)
        then(got)
      }
      const patience = setTimeout(() => {
        withdraw()
        then(open.size > 0 ? 'overloaded' : 'unreachable')
      }, limits.connectMs)
      waiting.push(settle)
      grow()
      return withdraw
    },
    isDown: () => downUntil > now(),
    close: () => {
      clearInterval(sweep)
      // Nobody waits any more, so no connection that goes is made up for.
      for (const then of waiting.splice(0)) then('unreachable')
      for (const socket of opening) socket.destroy()
      for (const connection of open) connection.destroy()
    },
  }
}
