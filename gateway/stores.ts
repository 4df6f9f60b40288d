import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { writeKeyUses } from '../db/api-key-lists.ts'
import { defaultAttemptLimits, type Attempts } from '../db/attempts.ts'
import { createEmbeddedAttempts } from '../db/attempts-embedded.ts'
import { createSharedAttempts } from '../db/attempts-redis.ts'
import { createBindLog } from '../db/binds.ts'
import { closeDatabase, openDatabase, type Database } from '../db/database.ts'
import { createHashing, hashingConcurrency } from '../db/hashing.ts'
import { createLastUses } from '../db/last-uses.ts'
import { createRefusalLog } from '../db/refusals.ts'
import { createFingerprints, type Fingerprints } from '../db/secrets.ts'
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

/** The counters: of all nodes in Redis, or of this process alone. */
const createAttempts = (
  { settings, system, log }: StoresDeps,
  { shared, fingerprints: { windowKey } }: Pick<Ground, 'shared'> & { fingerprints: Fingerprints },
  nodes: () => number,
): Attempts => {
  const { limit: sourceRefusals, windowMs: sourceWindowMs } = settings.sourceBudget
  const limits = { ...defaultAttemptLimits, sourceRefusals, sourceWindowMs }
  if (shared === undefined) return createEmbeddedAttempts({ ...system, limits })
  const onFailure = (error: unknown): void => {
    log.error({ err: error }, 'failed attempts could not be told to Redis')
  }
  const { redis } = shared
  return createSharedAttempts({ ...system, redis, windowKey, limits, nodes, onFailure })
}

export const hashingLimits = ({ hashing }: Settings) => ({
  concurrency: hashing.concurrency ?? hashingConcurrency(availableParallelism()),
  queue: hashing.queue,
})

/** What all nodes share: the directory, and Redis where there is one. */
export type Ground = { readonly database: Database; readonly shared: Shared | undefined }

/** Opens what all nodes share. Throws one clear line when it cannot. */
export const openGround = async ({ settings, system, log }: StoresDeps): Promise<Ground> => {
  const database = await openDatabase({ ...databaseOf(settings), ...system })
  try {
    const { redis } = settings
    return { database, shared: redis && (await openShared(redis, settings, system, log)) }
  } catch (error) {
    await closeDatabase(database)
    throw error
  }
}

/** All that remembers; `nodes`: the last known number. */
export const createStores = (deps: StoresDeps, ground: Ground, nodes: () => number) => {
  const { settings, system, log } = deps
  const { database, shared } = ground
  const unwritten =
    (what: string) =>
    (error: unknown): void => {
      log.error({ err: error }, `${what} could not be written; it is kept and tried again`)
    }
  const fingerprints = createFingerprints(database.key)
  return {
    ...ground,
    fingerprints,
    attempts: createAttempts(deps, { shared, fingerprints }, nodes),
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

export type Stores = ReturnType<typeof createStores>
