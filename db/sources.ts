import { setImmediate as breathe } from 'node:timers/promises'
import { sourceGroup, type Address } from '../policies/address.ts'
import type { Channel } from '../policies/facts.ts'
import { transact, type Database } from './database.ts'
import { createBatchMark } from './source-batches.ts'
import { createSourceCounts, type Count, type Outcome } from './source-counts.ts'
import { addSource, pruneSources, type Source } from './source-rows.ts'

export type SourceLog = {
  /** Counts one attempt of a user, in memory; it is written within a second. */
  readonly seen: (userId: string, channel: Channel, client: Address, outcome: Outcome) => void
  /** Writes what waits; resolves when it is written, or `onError` was told that it was not. */
  readonly flush: () => Promise<void>
  readonly stop: () => Promise<void>
}

const everyMs = 1000

/** So few that a transaction of them holds up nothing else for long. */
const rowsAtOnce = 200

/** After so many writes of a user's sources it is time to see whether there are too many. */
const writesUntilPruned = 500

/** What is written in one transaction: all of it or nothing. */
type Batch = {
  readonly id: string
  readonly counts: readonly Readonly<Count>[]
  /** The users of these who are due for pruning. */
  readonly due: readonly string[]
}

const sourceOf = ({ userId, channel, client, outcome, firstAt, lastAt, count }: Count): Source => ({
  userId,
  channel,
  source: client.text,
  sourceGroup: sourceGroup(client),
  outcome: outcome === 'permitted' ? 'permitted' : 'refused',
  reason: outcome === 'permitted' ? '' : outcome,
  firstAt,
  lastAt,
  count,
})

/** Counts from where users come and what came of it; bounded in memory and, per user, on disk. */
export const createSourceLog = ({
  database,
  onError,
  most = 50_000,
}: {
  readonly database: Database
  readonly onError: (error: unknown) => void
  readonly most?: number
}): SourceLog => {
  const { now, newId } = database
  const counts = createSourceCounts(most)
  const mark = createBatchMark(database)
  /** One of which nobody knows whether it is written. */
  let unsure: Batch | undefined
  let isMarked = false
  const writes = new Map<string, number>()
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  const dueOf = (taken: Batch['counts']): Batch['due'] => {
    const due = new Set<string>()
    for (const { userId } of taken) {
      const number = (writes.get(userId) ?? 0) + 1
      writes.set(userId, number)
      if (number >= writesUntilPruned) due.add(userId)
    }
    if (writes.size > most) writes.clear()
    return [...due]
  }
  const nextBatch = (): Batch => {
    const taken = counts.take(rowsAtOnce)
    return { id: newId(), counts: taken, due: dueOf(taken) }
  }
  /** Answers how many rows that were. */
  const writeSome = async (): Promise<number> => {
    const isRetried = unsure !== undefined
    const batch = (unsure ??= nextBatch())
    await transact(database, async (tx) => {
      if (isRetried && (await mark.isWritten(tx, batch.id))) return
      for (const count of batch.counts) await addSource(tx, sourceOf(count))
      for (const userId of batch.due) await pruneSources(tx, userId)
      await mark.set(tx, batch.id)
    })
    unsure = undefined
    isMarked = true
    for (const userId of batch.due) writes.delete(userId)
    return batch.counts.length
  }
  const unwritten = (): number => counts.unwritten() + (unsure?.counts.length ?? 0)
  const write = async (): Promise<void> => {
    try {
      // What comes in meanwhile waits for the next second.
      for (let left = unwritten(); left > 0; left -= await writeSome()) await breathe()
    } catch (error) {
      onError(error)
      schedule()
    }
  }
  const flush = async (): Promise<void> => {
    await writing
    writing ??= write().finally(() => {
      writing = undefined
    })
    await writing
  }
  const schedule = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined
      void flush()
    }, everyMs).unref()
  }

  return {
    seen: (userId, channel, client, outcome) => {
      counts.add(userId, channel, client, outcome, now())
      if (timer === undefined) schedule()
    },
    flush,
    stop: async () => {
      await flush()
      clearTimeout(timer)
      if (isMarked && unsure === undefined) await transact(database, mark.remove).catch(onError)
    },
  }
}
