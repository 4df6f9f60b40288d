import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { createEmbeddedBindLeases } from '../../db/bind-leases.ts'
import { transact } from '../../db/database.ts'
import { recordSignIn } from '../../db/users.ts'
import type { User } from '../../policies/facts.ts'
import type { Attempt } from '../../policies/ports.ts'
import { createIsTrusted } from '../client-address.ts'
import type { Core } from '../core.ts'
import { addressOfSocket, requireProxyHeader, type FindSource } from '../proxied-listener.ts'
import { readTlsOptions, watchTls } from '../tls.ts'
import type { SmppUpstream } from '../upstream-urls.ts'
import { createAdmit } from './admission.ts'
import { createArrivals, type Arrivals } from './arrivals.ts'
import { createDoor, type Door } from './door.ts'
import { createMessageBudgets } from './message-budget.ts'
import { ignoreError } from './hang-up.ts'
import { createSlots } from './slots.ts'
import { createTicker } from './ticker.ts'
import { createUnbound, type Unbound } from './unbound.ts'
import { createUpstreamBinds } from './upstream-bind.ts'

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

const TICK_MS = 250
const TLS_LOOK_MS = 2_000
const PROBE_MS = 2_000

const createPointDoor = (
  core: Core,
  upstreams: readonly SmppUpstream[],
  isDraining: () => boolean,
): Door => {
  const { settings, system, log, database, directory, live, metrics } = core
  const { smppLimits: limits } = settings
  const { elapsed } = system
  const { timers } = limits
  const logFailure = (error: unknown): void => {
    log.error({ err: error }, 'a bind failed')
  }
  const ticker = createTicker(elapsed, TICK_MS)
  const [first, ...others] = upstreams.map(({ tls, ...upstream }) => ({
    ...upstream,
    tls: tls ? {} : undefined,
  }))
  if (first === undefined) throw new Error('there is no SMSC to bind to')
  const signedIn = (user: User, { client }: Attempt): void => {
    const signIn = { userId: user.id, at: system.now(), source: client?.text ?? '' }
    const record = transact(database, (tx) => recordSignIn(tx, { ...signIn, channel: 'smpp' }))
    record.catch(logFailure)
  }
  const admit = createAdmit({
    judge: core.judge,
    live,
    slots: createSlots({
      leases: createEmbeddedBindLeases(elapsed),
      newId: database.newId,
      logFailure,
      probeMs: PROBE_MS,
    }),
    upstreamBinds: createUpstreamBinds({
      upstreams: [first, ...others],
      deadlineMs: limits.upstreamBindMs,
      downMs: 2_000,
      elapsed,
      onFailure: ({ host, port }, { reason, detail }) => {
        log.warn({ upstream: `${host}:${port}`, reason, detail }, 'a bind upstream failed')
      },
    }),
    residentOf: ({ id }) => directory.findById(id),
    budgets: createMessageBudgets(settings.caches.users, elapsed),
    now: system.now,
    relay: {
      limits: limits.relay,
      timers,
      endTimes: limits.end,
      ticker,
      elapsed,
      counts: metrics.smpp,
    },
    signedIn,
  })
  return createDoor({
    authorize: core.authorize,
    admit,
    recordFailure: core.recorder.recordFailure,
    isDraining,
    elapsed,
    floor: core.floor,
    closeMs: limits.end.closeMs,
    timers,
    ticker,
    logFailure,
  })
}

/** Brings what comes in on a listener to the door; answers what is on its way there. */
const openOn = (
  { settings, system, log }: Core,
  server: Server,
  event: 'connection' | 'secureConnection',
  unbound: Unbound,
  door: Door,
): Arrivals => {
  const { smpp, limits, smppLimits } = settings
  let sourceOf: FindSource = addressOfSocket
  const arrivals = createArrivals({
    unbound,
    elapsed: system.elapsed,
    initMs: smppLimits.timers.initMs,
    isProxied: smpp.proxyProtocol,
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
  const server = createTlsServer({ ...readTlsOptions(smpp.tls), handshakeTimeout })
  server.on('tlsClientError', (_, socket) => socket.destroy())
  const stop = watchTls(server, smpp.tls, {
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
  const door = createPointDoor(core, upstreams, () => isDraining)
  const unbound = createUnbound(core.settings.smppLimits, counts)
  const server = createServer({ noDelay: true })
  const tls = createTlsListener(core)
  const listeners = [openOn(core, server, 'connection', unbound, door)]
  if (tls !== undefined) listeners.push(openOn(core, tls.server, 'secureConnection', unbound, door))
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
