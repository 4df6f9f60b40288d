import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { eq } from 'drizzle-orm'
import { closeDatabase, openDatabase, transact, type Database } from '../../db/database.ts'
import { nodes } from '../../db/schema/nodes.ts'
import { openCore } from '../../gateway/core.ts'
import { createLog } from '../../gateway/log.ts'
import { readSettings } from '../../gateway/settings.ts'
import type { System } from '../../gateway/system.ts'
import type { ShiftedClock } from './clock.ts'
import type { AttemptEvent, Node } from './model-seen.ts'
import { watch, type Watched } from './model-watch.ts'
import { startFaultProxy, type FaultProxy } from './tcp-fault-proxy.ts'

/** The two nodes, each with a way to Redis of its own, which can be spoiled. */
export type ModelNodes = {
  readonly at: (node: Node) => Watched
  readonly open: () => readonly Watched[]
  readonly find: (node: Node) => Watched | undefined
  readonly proxies: readonly [FaultProxy, FaultProxy]
  readonly start: (node: Node) => Promise<void>
  readonly close: (node: Node) => Promise<void>
  /** What both asked of their counters, in order. */
  readonly events: AttemptEvent[]
  readonly unanswered: Set<Node>
  readonly failures: readonly string[]
  readonly stop: () => Promise<void>
}

export type ModelNodesOptions = {
  readonly dataDir: string
  readonly prefix: string
  readonly redisPort: number
  readonly clock: ShiftedClock
}

/** The log, of which only what went wrong is kept; that Redis is away is no fault. */
const createFailureLog = (failures: string[]) =>
  createLog(
    'error',
    new Writable({
      write: (chunk: Buffer, _, done) => {
        const line = chunk.toString()
        if (!line.includes('degraded')) failures.push(line)
        done()
      },
    }),
  )

const settingsOf = (node: Node, dataDir: string, prefix: string, port: number) => {
  const written = {
    nodeName: `node ${node}`,
    redisPrefix: prefix,
    redisTimeoutMs: 5_000,
    sourceBudget: { limit: 100_000 },
  }
  const read = readSettings(
    { DATA_DIR: dataDir, REDIS_URL: `redis://127.0.0.1:${port}` },
    { path: 'model.json', text: JSON.stringify(written) },
  )
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  return read.settings
}

const company = { id: 'company', name: 'company', version: '', policyAge: 0, degraded: false }

/** A third node in name only, so that one never takes itself for the only one meanwhile. */
const keepCompany = (database: Database): Promise<unknown> =>
  transact(database, async (tx) =>
    tx.queries.insert(nodes).values({ ...company, startedAt: tx.now(), seenAt: tx.now() }),
  )

const endCompany = (database: Database): Promise<unknown> =>
  transact(database, async (tx) => tx.queries.delete(nodes).where(eq(nodes.id, company.id)))

export const openModelNodes = async (options: ModelNodesOptions): Promise<ModelNodes> => {
  const { dataDir, prefix, redisPort, clock } = options
  // One byte says how long to pause, and the shortest pauses will do.
  const random = (bytes: number) => (bytes === 1 ? Buffer.alloc(1) : randomBytes(bytes))
  // The shared counters take the time of Redis, which no test can let pass, unless they are told it.
  const system: System & { sharedNow: () => number } = { ...clock, random, sharedNow: clock.now }
  const failures: string[] = []
  const events: AttemptEvent[] = []
  const unanswered = new Set<Node>()
  const log = createFailureLog(failures)
  const proxies = [await startFaultProxy(redisPort), await startFaultProxy(redisPort)] as const
  const running: [Watched | undefined, Watched | undefined] = [undefined, undefined]
  const open = (): Watched[] => running.filter((it) => it !== undefined)
  const at = (node: Node): Watched => {
    const found = running[node]
    if (found === undefined) throw new Error(`node ${node} is closed`)
    return found
  }

  const start = async (node: Node): Promise<void> => {
    const settings = settingsOf(node, dataDir, prefix, proxies[node].port)
    // Opening a file waits for writers, and in a process of two nodes nothing else goes on then.
    const turns = await Promise.all(open().map(({ core }) => core.database.takeTurn()))
    try {
      running[node] = watch(await openCore({ settings, system, log }), node, { events, unanswered })
    } finally {
      for (const endTurn of turns) endTurn()
    }
    await endCompany(at(node).core.database)
  }

  const first = await openDatabase({ file: join(dataDir, 'sallyport.db'), ...system })
  await keepCompany(first)
  await closeDatabase(first)
  await start(0)
  await start(1)

  return {
    ...{ at, open, find: (node) => running[node], proxies, start, events, unanswered, failures },
    close: async (node) => {
      const { core } = at(node)
      await keepCompany(core.database)
      running[node] = undefined
      await core.close()
    },
    stop: async () => {
      for (const { core } of open()) await core.close()
      for (const proxy of proxies) await proxy.stop()
    },
  }
}
