import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { writeKeyUses } from '../db/api-key-lists.ts'
import { defaultAttemptLimits, type Attempts } from '../db/attempts.ts'
import { createEmbeddedAttempts } from '../db/attempts-embedded.ts'
import { createSharedAttempts } from '../db/attempts-redis.ts'
import { createBindLog } from '../db/binds.ts'
import { closeDatabase, openDatabase } from '../db/database.ts'
import { createHashing, hashingConcurrency } from '../db/hashing.ts'
import { createLastUses } from '../db/last-uses.ts'
import { createRefusalLog } from '../db/refusals.ts'
import { createFingerprints } from '../db/secrets.ts'
import { createSourceLog } from '../db/sources.ts'
import { databaseOf } from './data-folder.ts'
import { openShared, type Shared } from './redis.ts'
import type { Settings } from './settings-value.ts'
import type { System } from './system.ts'

export type StoresDeps = {
  readonly settings: Settings
  readonly system: System
  readonly log: Logger
}

/** The counters: of all nodes in Redis, or of this process alone; the log says which. */
const createAttempts = (
  { settings, system, log }: StoresDeps,
  shared: Shared | undefined,
  nodes: () => number,
): Attempts => {
  const { limit: sourceRefusals, windowMs: sourceWindowMs } = settings.sourceBudget
  const limits = { ...defaultAttemptLimits, sourceRefusals, sourceWindowMs }
  if (shared === undefined) {
    log.info('failed attempts are counted in this process alone: no Redis is set')
    return createEmbeddedAttempts({ ...system, limits })
  }
  log.info('failed attempts are counted in Redis, together with all nodes that share it')
  return createSharedAttempts({ ...system, redis: shared.redis, limits, nodes })
}

export const hashingLimits = ({ hashing }: Settings) => ({
  concurrency: hashing.concurrency ?? hashingConcurrency(availableParallelism()),
  queue: hashing.queue,
})

const connectShared = async ({ settings, system, log }: StoresDeps): Promise<Shared | undefined> =>
  settings.redis && (await openShared(settings.redis, settings, system, log))

/** Opens all that remembers; `nodes`: the last known number. Throws one clear line when it cannot. */
export const openStores = async (deps: StoresDeps, nodes: () => number) => {
  const { settings, system, log } = deps
  const database = await openDatabase({ ...databaseOf(settings), ...system })
  const shared = await connectShared(deps).catch(async (error: unknown) => {
    await closeDatabase(database)
    throw error
  })
  const unwritten =
    (what: string) =>
    (error: unknown): void => {
      log.error({ err: error }, `${what} could not be written; it is kept and tried again`)
    }
  return {
    database,
    shared,
    fingerprints: createFingerprints(database.key),
    attempts: createAttempts(deps, shared, nodes),
    hashing: createHashing({ ...hashingLimits(settings), elapsed: system.elapsed }),
    refusals: createRefusalLog({ database, onError: unwritten('the audit') }),
    binds: createBindLog({ database, onError: unwritten('the audit of binds') }),
    sources: createSourceLog({ database, onError: unwritten('the sources of users') }),
    keyUses: createLastUses({
      database,
      write: writeKeyUses,
      onError: unwritten('the last uses of keys'),
    }),
  }
}

export type Stores = Awaited<ReturnType<typeof openStores>>
