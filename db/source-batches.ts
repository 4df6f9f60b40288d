import { eq, inArray, like } from 'drizzle-orm'
import type { Database, Transaction } from './database.ts'
import { timeOfId } from './ids.ts'
import { findMeta, setMeta } from './meta.ts'
import { meta } from './schema/accounts.ts'

/**
 * Which batch this process has written last, in `meta`, so that one of whose commit nobody heard is
 * not counted twice.
 */
export type BatchMark = {
  readonly isWritten: (tx: Transaction, batchId: string) => Promise<boolean>
  readonly set: (tx: Transaction, batchId: string) => Promise<void>
  /** The process ends, and no batch of it is open. */
  readonly remove: (tx: Transaction) => Promise<void>
}

const prefix = 'sources.batch.'

/** What a process has left that ended without a word is of no use to anybody after this time. */
const keptMs = 24 * 60 * 60_000

const removeOld = async (tx: Transaction): Promise<void> => {
  const marks = await tx.queries
    .select()
    .from(meta)
    .where(like(meta.key, `${prefix}%`))
  const old = marks.filter(({ value }) => Math.abs(tx.now() - timeOfId(value)) > keptMs)
  const keys = old.map(({ key }) => key)
  if (keys.length > 0) await tx.queries.delete(meta).where(inArray(meta.key, keys))
}

export const createBatchMark = ({ newId }: Pick<Database, 'newId'>): BatchMark => {
  const key = `${prefix}${newId()}`
  return {
    isWritten: async (tx, batchId) => (await findMeta(tx, key)) === batchId,
    set: async (tx, batchId) => {
      if ((await findMeta(tx, key)) === undefined) await removeOld(tx)
      await setMeta(tx, key, batchId)
    },
    remove: async (tx) => {
      await tx.queries.delete(meta).where(eq(meta.key, key))
    },
  }
}
