import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { createIsTrusted } from '../client-address.ts'
import type { Core } from '../core.ts'
import { addressOfSocket, requireProxyHeader, type FindSource } from '../proxied-listener.ts'
import { readTlsOptions, watchTls } from '../tls.ts'
import type { SmppUpstream } from '../upstream-urls.ts'
import { createArrivals, type Arrivals } from './arrivals.ts'
import type { Door } from './door.ts'
import { ignoreError } from './hang-up.ts'
import { createUnbound, type Unbound } from './unbound.ts'
import { createWaste, type Waste } from './waste.ts'
import { createWiredDoor } from './wired-door.ts'

/** The SMPP enforcement point, not yet listening. */
export type SmppPoint = {
  readonly server: Server
  /** On its own port, with certificates of its own. */
  readonly tlsServer: Server | undefined
  /** Lets nobody in any more; what is bound is ended through the live objects. */
  readonly drain: () => void
  /** Connections that have no bind yet, and after a drain those that wait for their answer. */
  readonly unbound: () => number
  readonly close: () => void
}

const TLS_LOOK_MS = 2_000

type Behind = { readonly unbound: Unbound; readonly door: Door; readonly wasted: Waste }

/** Brings what comes in on a listener to the door; answers what is on its way there. */
const openOn = (
  { settings, system, log }: Core,
  server: Server,
  event: 'connection' | 'secureConnection',
  { unbound, door, wasted }: Behind,
): Arrivals => {
  const { smpp, limits, smppLimits } = settings
  let sourceOf: FindSource = addressOfSocket
  const arrivals = createArrivals({
    unbound,
    elapsed: system.elapsed,
    initMs: smppLimits.timers.initMs,
    isProxied: smpp.proxyProtocol,
    sourceOf: (socket) => sourceOf(socket),
    wasted,
  })
  server.maxConnections = limits.maxConnections
  server.on(event, (socket: Socket) => {
    const client = sourceOf(socket)
    const arrival = arrivals.of(socket)
    socket.on('error', ignoreError)
    if (client === undefined || arrival?.comesFrom(client) !== true) socket.destroy()
    else door(socket.setNoDelay(true), client, arrival)
  })
  if (smpp.proxyProtocol)
    sourceOf = requireProxyHeader(server, {
      isTrusted: createIsTrusted(settings.trustedProxies),
      deadlineMs: limits.proxyHeaderTimeoutMs,
      onRefused: (fault, peer) => {
        log.warn({ peer: peer?.text, fault }, 'a connection without a proxy header was closed')
      },
    })
  server.prependListener('connection', arrivals.accept)
  return arrivals
}

/** The TLS port, if one is wanted, and what ends the watch over its certificates. */
const createTlsListener = ({
  settings,
  log,
}: Core): { server: Server; stop: () => void } | undefined => {
  const { smpp, smppLimits } = settings
  if (smpp.tlsListen === undefined || smpp.tls === undefined) return undefined
  const handshakeTimeout = smppLimits.timers.initMs
  const server = createTlsServer({ ...readTlsOptions(smpp.tls, 'SMPP_TLS'), handshakeTimeout })
  server.on('tlsClientError', (_, socket) => socket.destroy())
  const stop = watchTls(server, smpp.tls, {
    owner: 'SMPP_TLS',
    intervalMs: TLS_LOOK_MS,
    onReload: (error) => {
      if (error === undefined) log.info('the certificate of the SMPP port was loaded anew')
      else log.error({ err: error }, 'the new certificate is of no use; the old one stays')
    },
  })
  return { server, stop }
}

/** Wires the door to the core; `upstreams` are those of the settings, or of the sandbox. */
export const createSmppPoint = (core: Core, upstreams: readonly SmppUpstream[]): SmppPoint => {
  const counts = core.metrics.smpp
  let isDraining = false
  const wasted = createWaste(core)
  const door = createWiredDoor(core, upstreams, () => isDraining, wasted)
  const isOverBudget = (group: string): boolean =>
    core.attempts.sourceBlockedUntil(group) !== undefined
  const unbound = createUnbound(core.settings.smppLimits, counts, isOverBudget)
  const server = createServer({ noDelay: true })
  const tls = createTlsListener(core)
  const behind = { unbound, door, wasted }
  const listeners = [openOn(core, server, 'connection', behind)]
  if (tls !== undefined) listeners.push(openOn(core, tls.server, 'secureConnection', behind))
  const stopListening = (): void => {
    server.close()
    tls?.server.close()
  }
  return {
    server,
    tlsServer: tls?.server,
    drain: () => {
      isDraining = true
      stopListening()
      for (const arrivals of listeners) arrivals.drain()
    },
    unbound: () => counts.unbound,
    close: () => {
      tls?.stop()
      stopListening()
    },
  }
}
