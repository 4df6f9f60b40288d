import { availableParallelism } from 'node:os'
import type { Logger } from 'pino'
import { writeKeyUses } from '../db/api-key-lists.ts'
import { defaultAttemptLimits } from '../db/attempts.ts'
import { createEmbeddedAttempts } from '../db/attempts-embedded.ts'
import { createBindLog } from '../db/binds.ts'
import { closeDatabase, openDatabase } from '../db/database.ts'
import { createHashing, hashingConcurrency } from '../db/hashing.ts'
import { createLastUses } from '../db/last-uses.ts'
import { createRefusalLog } from '../db/refusals.ts'
import { createFingerprints } from '../db/secrets.ts'
import { createSourceLog } from '../db/sources.ts'
import { databaseOf } from './data-folder.ts'
import type { Settings } from './settings-value.ts'
import { openShared, type Shared } from './shared.ts'
import type { System } from './system.ts'

export type StoresDeps = {
  readonly settings: Settings
  readonly system: System
  readonly log: Logger
}

export const hashingLimits = ({ hashing }: Settings) => ({
  concurrency: hashing.concurrency ?? hashingConcurrency(availableParallelism()),
  queue: hashing.queue,
})

const connectShared = async ({ settings, system, log }: StoresDeps): Promise<Shared | undefined> =>
  settings.redis && (await openShared(settings.redis, system, log))

/** Opens all that remembers. Throws one clear line when it cannot. */
export const openStores = async (deps: StoresDeps) => {
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
  const { limit: sourceRefusals, windowMs: sourceWindowMs } = settings.sourceBudget
  const limits = { ...defaultAttemptLimits, sourceRefusals, sourceWindowMs }
  return {
    database,
    shared,
    fingerprints: createFingerprints(database.key),
    attempts: createEmbeddedAttempts({ ...system, limits }),
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
