import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { createEmbeddedBindLeases } from '../../db/bind-leases.ts'
import { transact } from '../../db/database.ts'
import { recordSignIn } from '../../db/users.ts'
import type { Address } from '../../policies/address.ts'
import type { User } from '../../policies/facts.ts'
import type { Attempt } from '../../policies/ports.ts'
import { createIsTrusted } from '../client-address.ts'
import type { Core } from '../core.ts'
import { addressOfSocket, keyOfSocket, requireProxyHeader } from '../proxied-listener.ts'
import { readTlsOptions, watchTls } from '../tls.ts'
import type { SmppUpstream } from '../upstream-urls.ts'
import { createAdmit } from './admission.ts'
import { createDoor, type Door } from './door.ts'
import { createMessageBudgets } from './message-budget.ts'
import { createSlots } from './slots.ts'
import { createTicker } from './ticker.ts'
import { createUnbound } from './unbound.ts'
import { createUpstreamBinds } from './upstream-bind.ts'

/** The SMPP enforcement point, not yet listening. */
export type SmppPoint = {
  readonly server: Server
  /** On its own port, with certificates of its own. */
  readonly tlsServer: Server | undefined
  /** Takes no further connection; what is bound is ended through the live objects. */
  readonly drain: () => void
  readonly close: () => void
}

const TICK_MS = 250
const TLS_LOOK_MS = 2_000
const PROBE_MS = 2_000

const createPointDoor = (core: Core, upstreams: readonly SmppUpstream[]): Door => {
  const { settings, system, log, database, directory, live, metrics } = core
  const { smppLimits: limits, limits: shared } = settings
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
    unbound: createUnbound(limits, metrics.smpp),
    elapsed,
    floorMs: shared.floorMs,
    closeMs: limits.end.closeMs,
    timers,
    ticker,
    logFailure,
  })
}

/** Wires the door to the core; `upstreams` are those of the settings, or of the sandbox. */
export const createSmppPoint = (core: Core, upstreams: readonly SmppUpstream[]): SmppPoint => {
  const { settings, system, log } = core
  const { smpp, limits } = settings
  const door = createPointDoor(core, upstreams)
  const isTrusted = createIsTrusted(settings.trustedProxies)
  /** When a connection was accepted, before TLS and a PROXY header. */
  const acceptedAt = new Map<string, number>()

  /** The listener's own side of every connection: who is behind it, and since when. */
  const openOn = (server: Server, event: 'connection' | 'secureConnection'): void => {
    let sourceOf: (socket: Socket) => Address | undefined = addressOfSocket
    server.on(event, (socket: Socket) => {
      const client = sourceOf(socket)
      socket.on('error', () => undefined)
      socket.setNoDelay(true)
      if (client === undefined) socket.destroy()
      else door(socket, client, acceptedAt.get(keyOfSocket(socket)) ?? system.elapsed())
    })
    server.maxConnections = limits.maxConnections
    if (smpp.proxyProtocol)
      sourceOf = requireProxyHeader(server, {
        isTrusted,
        deadlineMs: limits.proxyHeaderTimeoutMs,
        onRefused: (fault, peer) => {
          log.warn({ peer: peer?.text, fault }, 'a connection without a proxy header was closed')
        },
      })
    server.prependListener('connection', (accepted: Socket) => {
      const key = keyOfSocket(accepted)
      acceptedAt.set(key, system.elapsed())
      accepted.once('close', () => acceptedAt.delete(key))
    })
  }

  const server = createServer({ noDelay: true })
  openOn(server, 'connection')
  const secure =
    smpp.tlsListen && smpp.tls
      ? createTlsServer({ ...readTlsOptions(smpp.tls), handshakeTimeout: limits.headerTimeoutMs })
      : undefined
  if (secure !== undefined) {
    secure.on('tlsClientError', (_, socket) => socket.destroy())
    openOn(secure, 'secureConnection')
  }
  const stopWatch =
    secure &&
    smpp.tls &&
    watchTls(secure, smpp.tls, {
      intervalMs: TLS_LOOK_MS,
      onReload: (error) => {
        if (error === undefined) log.info('the certificate of the SMPP port was loaded anew')
        else log.error({ err: error }, 'the new certificate is of no use; the old one stays')
      },
    })
  return {
    server,
    tlsServer: secure,
    drain: () => {
      server.close()
      secure?.close()
    },
    close: () => {
      stopWatch?.()
      server.close()
      secure?.close()
    },
  }
}
