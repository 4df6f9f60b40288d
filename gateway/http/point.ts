import { join } from 'node:path'
import type { Socket } from 'node:net'
import type { Address } from '../../policies/address.ts'
import { createClientAddress, createIsTrusted } from '../client-address.ts'
import type { Core } from '../core.ts'
import { addressOfSocket, requireProxyHeader } from '../proxied-listener.ts'
import { readTlsOptions, watchTls } from '../tls.ts'
import { createAdmit } from './admission.ts'
import { createAssertions } from './assertion.ts'
import { createClientConnection } from './connection.ts'
import { createDoor } from './door.ts'
import { readEntry } from './entry.ts'
import { createFieldUses } from './fields.ts'
import { createOwn } from './own.ts'
import { createMatchRoute, type Route } from './routes.ts'
import { createHttpServer, type HttpServer } from './server.ts'
import { createUpstreams } from './upstreams.ts'

const TLS_LOOK_MS = 2_000

const openAssertions = ({ settings, system, database }: Core) =>
  settings.assertion.enabled
    ? createAssertions({
        database,
        oldFile: join(settings.dataDir, 'assertion.key.json'),
        issuer: settings.admin.publicUrl ?? 'sallyport',
        lifetimeMs: settings.assertion.lifetimeSeconds * 1_000,
        now: system.now,
        random: system.random,
      })
    : undefined

/** Wires the door to the core; `routes` are those of the settings, or of the sandbox. */
export const createHttpPoint = async (
  core: Core,
  routes: readonly Route[],
): Promise<HttpServer> => {
  const { settings, system, log, metrics } = core
  const { limits, http } = settings
  const isTrusted = createIsTrusted(settings.trustedProxies)
  const clientAddress = createClientAddress(isTrusted)
  let sourceOf: (socket: Socket) => Address | undefined = addressOfSocket
  const connectionOf = (socket: Socket) =>
    createClientConnection(sourceOf(socket), addressOfSocket(socket), 'encrypted' in socket)
  const assertions = await openAssertions(core)
  const upstreams = createUpstreams(settings.upstreamLimits, system.elapsed)
  const logFailure = (error: unknown, id?: string): void => {
    log.error({ err: error, decision: id }, 'a request failed')
  }
  const reader = { clientAddress, isTrusted, matchRoute: createMatchRoute(routes) }
  const door = createDoor({
    readEntry: (request, connection, fault) => readEntry(reader, request, connection, fault),
    authorize: core.authorize,
    own: createOwn(assertions, core.database.newId, logFailure),
    admit: createAdmit({
      judge: core.judgeLive,
      recheck: core.recheck,
      system,
      live: core.live,
      upstreams,
      assert: assertions?.assert,
      logFailure,
      relayed: metrics.relayed,
    }),
    system,
    recordFailure: core.recorder.recordFailure,
    logFailure,
    floor: core.floor,
    answered: metrics.answered,
    newId: core.database.newId,
  })
  const tls = http.tls && readTlsOptions(http.tls, 'HTTP_TLS')
  const useOf = createFieldUses()
  const point = createHttpServer({ door, connectionOf, useOf, system, tls, limits })
  if (http.proxyProtocol)
    sourceOf = requireProxyHeader(point.server, {
      isTrusted,
      deadlineMs: limits.proxyHeaderTimeoutMs,
      onRefused: (fault, peer) => {
        log.warn({ peer: peer?.text, fault }, 'a connection without a proxy header was closed')
      },
    })
  const stopWatch =
    http.tls && 'setSecureContext' in point.server
      ? watchTls(point.server, http.tls, {
          owner: 'HTTP_TLS',
          intervalMs: TLS_LOOK_MS,
          onReload: (error) => {
            if (error === undefined) log.info('the certificate of the data plane was loaded anew')
            else log.error({ err: error }, 'the new certificate is of no use; the old one stays')
          },
        })
      : undefined
  return {
    ...point,
    close: () => {
      point.close()
      stopWatch?.()
      upstreams.close()
    },
  }
}
