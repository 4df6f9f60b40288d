import type { Server } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { lastChange } from '../db/changes.ts'
import { createAdminPoint } from './admin.ts'
import { openCore, type Core, type CoreDeps } from './core.ts'
import { makeDataFolder } from './data-folder.ts'
import type { Endpoint } from './endpoint.ts'
import { ensureFirstAccount, setUp } from './installation.ts'
import { createHttpPoint } from './http/point.ts'
import type { HttpServer } from './http/server.ts'
import { listen, writeEndpoint } from './listening.ts'
import type { Metrics } from './metrics.ts'
import { createOperations, type Readiness } from './operations.ts'
import { openPostOffice, type PostOffice, type PostOfficeOptions } from './post.ts'
import { createSandboxOutbox } from './sandbox/outbox.ts'
import {
  openSamples,
  openSandbox,
  refuseSandboxData,
  type Places,
  type Samples,
} from './sandbox/sandbox.ts'
import { createSmppPoint, type SmppPoint } from './smpp/point.ts'

/** A gateway that is up. */
export type Gateway = {
  readonly core: Core
  readonly http: Endpoint
  readonly smpp: Endpoint
  /** SMPP over TLS, if it is wanted. */
  readonly smppTls: Endpoint | undefined
  readonly admin: Endpoint
  /** All of them as `host:port`, for the line that says that it listens. */
  readonly places: Places
  /** Lines for the person who started it: what to try in the sandbox. */
  readonly advice: readonly string[]
  readonly office: Pick<PostOffice, 'keepUp'>
  /** Stops taking, lets what runs come to its end for a while, writes everything, closes. */
  readonly stop: () => Promise<void>
}

/** News older than this means that changes may not be in force here. */
const OLDEST_POLICY_MS = 10_000

const readinessOf = ({ database, feed, isOutdated }: Core): readonly Readiness[] => [
  {
    name: 'database',
    missing: async () => {
      await lastChange(database)
      return undefined
    },
  },
  {
    name: 'policy',
    missing: async () => (feed.age() > OLDEST_POLICY_MS ? 'changes are not being read' : undefined),
  },
  {
    name: 'schema',
    missing: async () => (isOutdated() ? 'a newer version has changed it' : undefined),
  },
]

/** Lets nothing new in, waits for what runs, and ends what outlasts the drain. */
const drain = async ({ live, settings, system }: Core, { http, smpp }: Points): Promise<void> => {
  const began = system.elapsed()
  const isBefore = (part: number): boolean =>
    system.elapsed() < began + settings.limits.drainMs * part
  http.drain()
  smpp.drain()
  // A bind is unbound on both legs after a short grace, which an exchange may use to end by itself.
  live.endAll('unavailable', 'bind')
  const isBusy = (): boolean => http.serving() + live.size('bind') + smpp.unbound() > 0
  while (isBusy() && isBefore(0.8)) await wait(20)
  live.endAll('unavailable')
  http.close()
  smpp.close()
}

type Points = { readonly http: HttpServer; readonly smpp: SmppPoint }

type Rendered = Pick<Metrics, 'render' | 'contentType'>

type Listeners = Pick<Gateway, 'http' | 'smpp' | 'smppTls' | 'admin'>

type Undo = (() => Promise<void> | void)[]

/** Opens all listeners; what was opened is in `undo`, also when a later one cannot be. */
const openListeners = async (core: Core, samples: Samples, metrics: Rendered, undo: Undo) => {
  const { settings } = core
  const http = await createHttpPoint(core, samples.routes)
  const smpp = createSmppPoint(core, samples.smppUpstreams)
  undo.push(() => drain(core, { http, smpp }))
  const operations = createOperations(metrics, readinessOf(core))
  operations.route('/', createAdminPoint(core, samples.routes))
  if (settings.sandbox) operations.route('/', createSandboxOutbox(core))
  const fetch = { fetch: operations.fetch, overrideGlobalObjects: false }
  const admin = createAdaptorServer(fetch) as Server
  undo.push(() => {
    admin.close()
    admin.closeAllConnections()
  })
  const { tlsListen } = settings.smpp
  return {
    http: await listen(http.server, 'HTTP_LISTEN', settings.http.listen),
    smpp: await listen(smpp.server, 'SMPP_LISTEN', settings.smpp.listen),
    smppTls:
      smpp.tlsServer && tlsListen && (await listen(smpp.tlsServer, 'SMPP_TLS_LISTEN', tlsListen)),
    admin: await listen(admin, 'ADMIN_LISTEN', settings.admin.listen),
  }
}

/** Puts into a data folder what must be there before anyone serves from it; answers the advice. */
export const install = async (core: Core): Promise<(at: Places) => readonly string[]> => {
  await refuseSandboxData(core)
  const account = await ensureFirstAccount(core.database)
  const advice = await setUp(core, account)
  return core.settings.sandbox ? await openSandbox(core, account) : () => advice
}

const placesOf = ({ http, smpp, smppTls, admin }: Listeners): Places => ({
  http: writeEndpoint(http),
  smpp: writeEndpoint(smpp),
  ...(smppTls && { smppTls: writeEndpoint(smppTls) }),
  admin: writeEndpoint(admin),
})

/** Where a browser on this machine reaches what listens on every address. */
const reachable = ({ host, port }: Endpoint): Endpoint => ({
  host: host === '0.0.0.0' || host === '::' ? 'localhost' : host,
  port,
})

export type StartDeps = CoreDeps & {
  /** What `/metrics` shows when this is one of several processes; else its own. */
  readonly renderMetrics?: () => Promise<string>
  /** How patient it is with mails. */
  readonly post?: Omit<PostOfficeOptions, 'publicUrl'>
}

/** Starts the real thing: core, samples, listeners. Throws one clear line when it cannot. */
export const start = async (deps: StartDeps): Promise<Gateway> => {
  const { settings, log } = deps
  makeDataFolder(settings.dataDir)
  const core = await openCore(deps)
  let office: PostOffice | undefined
  const undo: Undo = [core.close, () => office?.stop()]
  /** Takes every step, also behind one that failed; the first failure is thrown at the end. */
  const stop = async (): Promise<void> => {
    const failures: unknown[] = []
    for (const step of undo.toReversed())
      try {
        await step()
      } catch (error) {
        failures.push(error)
      }
    if (failures.length > 0) throw failures[0]
  }
  try {
    const adviceAt = await install(core)
    const samples = await openSamples(core)
    undo.push(samples.close)
    const { contentType, render } = core.metrics
    const metrics = { contentType, render: deps.renderMetrics ?? render }
    const at = await openListeners(core, samples, metrics, undo)
    const places = placesOf(at)
    log.info(
      core.shared === undefined
        ? 'counters and slots are kept in this process: they serve it alone'
        : 'counters and slots are kept in Redis: they serve all nodes that share it',
    )
    const publicUrl = settings.admin.publicUrl ?? `http://${writeEndpoint(reachable(at.admin))}`
    const opened = (office = openPostOffice(core, { publicUrl, ...deps.post }))
    // What is being mailed arrives while the listeners drain.
    undo.push(() => void opened.stop())
    return { core, ...at, places, advice: adviceAt(places), office, stop }
  } catch (error) {
    await stop().catch((failure: unknown) => {
      log.error({ err: failure }, 'what was opened could not be closed')
    })
    throw error
  }
}
