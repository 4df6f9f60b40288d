import { mkdirSync } from 'node:fs'
import type { Server } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { lastChange } from '../db/changes.ts'
import { openCore, type Core, type CoreDeps } from './core.ts'
import type { Endpoint } from './endpoint.ts'
import { ensureFirstAccount, makeFirstAdmin } from './installation.ts'
import { createHttpPoint, type HttpPoint } from './http/point.ts'
import { listen, writeEndpoint } from './listening.ts'
import { createOperations, type Readiness } from './operations.ts'
import { openSandbox, refuseSandboxData } from './sandbox/sandbox.ts'

/** A gateway that is up. */
export type Gateway = {
  readonly core: Core
  readonly http: Endpoint
  readonly admin: Endpoint
  /** Lines for the person who started it: what to try in the sandbox. */
  readonly advice: readonly string[]
  /** Stops taking, lets what runs come to its end for a while, writes everything, closes. */
  readonly stop: () => Promise<void>
}

const makeDataFolder = (dataDir: string): void => {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new Error(`DATA_DIR ${dataDir}: the folder cannot be made or used`, { cause: error })
  }
}

/** News older than this means that changes may not be in force here. */
const OLDEST_POLICY_MS = 10_000

const readinessOf = ({ database, feed, system }: Core): readonly Readiness[] => [
  {
    name: 'database',
    missing: async () => {
      await lastChange(database)
      return undefined
    },
  },
  {
    name: 'policy',
    missing: async () =>
      feed.age(system.now()) > OLDEST_POLICY_MS ? 'changes are not being read' : undefined,
  },
]

/** Lets nothing new in, waits for what runs, and cuts what outlasts the drain. */
const drain = async ({ live, settings, system }: Core, point: HttpPoint): Promise<void> => {
  const until = system.elapsed() + settings.limits.drainMs * 0.8
  point.drain()
  while (point.serving() > 0 && system.elapsed() < until) await wait(20)
  live.endAll('unavailable')
  point.close()
}

/** Starts the real thing: core, listeners, sandbox. Throws one clear line when it cannot. */
export const start = async (deps: CoreDeps): Promise<Gateway> => {
  const { settings, log } = deps
  makeDataFolder(settings.dataDir)
  const core = await openCore(deps)
  const undo: (() => Promise<void> | void)[] = [core.close]
  const stopAll = async (): Promise<void> => {
    for (const step of undo.toReversed()) await step()
  }
  try {
    await refuseSandboxData(core)
    const account = await ensureFirstAccount(core.database)
    await makeFirstAdmin(core, account)
    const sandbox = settings.sandbox ? await openSandbox(core, account) : undefined
    if (sandbox !== undefined) undo.push(sandbox.close)
    const point = await createHttpPoint(core, sandbox?.routes ?? settings.http.routes)
    undo.push(point.close)

    const operations = createOperations(core.metrics, readinessOf(core))
    const adminServer = createAdaptorServer({
      fetch: operations.fetch,
      overrideGlobalObjects: false,
    }) as Server
    const http = await listen(point.server, 'HTTP_LISTEN', settings.http.listen)
    undo.push(() => drain(core, point))
    const admin = await listen(adminServer, 'ADMIN_LISTEN', settings.admin.listen)
    undo.push(() => {
      adminServer.close()
      adminServer.closeAllConnections()
    })
    const places = { http: writeEndpoint(http), admin: writeEndpoint(admin) }
    log.info({ event: 'listening', ...places }, 'listening')
    return { core, http, admin, advice: sandbox?.advice(places) ?? [], stop: stopAll }
  } catch (error) {
    await stopAll()
    throw error
  }
}
