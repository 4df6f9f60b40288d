import { setImmediate as breathe } from 'node:timers/promises'
import { transact, type Database, type Transaction } from './database.ts'
import { findEvent } from './events.ts'
import type { Row } from './refusal-groups.ts'
import { createRowQueue } from './refusal-queue.ts'

/** Writes rows of the audit in their order, soon and many at once; what cannot be written is kept. */
export type RowWriter = {
  /** Ends the minute if it is over; to be called before anything is counted in. */
  readonly closeMinute: () => void
  /** Something was counted in; a row, if it is to be written soon and not at the minute's end. */
  readonly add: (row: Row | undefined) => void
  /** Writes what waits; resolves when it is written, or `onError` was told that it was not. */
  readonly flush: () => Promise<void>
  /** What was counted in and is in no row yet. */
  readonly pending: () => number
  /** Ends the minute and writes everything. */
  readonly stop: () => Promise<void>
}

export type RowWriterSettings = {
  readonly database: Database
  readonly onError: (error: unknown) => void
  /** The rows of a minute that is over, or in any case. */
  readonly closeGroups: (at: number, inAnyCase: boolean) => readonly Row[]
  readonly write: (tx: Transaction, row: Row) => Promise<unknown>
  /** Rows that may wait while the database cannot be written; further ones are merged. */
  readonly mostWaiting?: number | undefined
}

const promptMs = 50
const retryMs = 1000
const minuteMs = 60_000

/** So few that a transaction of them holds up nothing else for long. */
const rowsAtOnce = 100

/** Of a row that was put back nobody knows: only the answer to its commit may have been lost. */
const isWritten = async (tx: Transaction, row: Row | undefined): Promise<boolean> =>
  row?.id !== undefined && (await findEvent(tx, row.id)) !== undefined

export const createRowWriter = ({
  database,
  onError,
  closeGroups,
  write: writeRow,
  mostWaiting = 20_000,
}: RowWriterSettings): RowWriter => {
  const { now, newId } = database
  const queue = createRowQueue(mostWaiting)
  let pending = 0
  let writing: Promise<void> | undefined
  let soon: NodeJS.Timeout | undefined
  let atMinute: NodeJS.Timeout | undefined

  const closeMinute = (inAnyCase = false): void => {
    for (const row of closeGroups(now(), inAnyCase)) queue.add(row)
  }
  const writeSome = async (): Promise<void> => {
    const rows = queue.take(rowsAtOnce)
    const named = rows.map((row) => ({ ...row, id: row.id ?? newId() }))
    try {
      await transact(database, async (tx) => {
        for (const [index, row] of named.entries())
          if (!(await isWritten(tx, rows[index]))) await writeRow(tx, row)
      })
    } catch (error) {
      queue.putBack(named)
      throw error
    }
    for (const { count } of rows) pending -= count
  }
  const write = async (): Promise<void> => {
    try {
      while (queue.size() > 0) {
        await writeSome()
        await breathe()
      }
    } catch (error) {
      onError(error)
      flushSoon(retryMs)
    }
  }
  const flush = async (): Promise<void> => {
    closeMinute()
    await writing
    writing ??= write().finally(() => {
      writing = undefined
    })
    await writing
  }
  const flushSoon = (ms: number): void => {
    soon ??= setTimeout(() => {
      soon = undefined
      void flush()
    }, ms).unref()
  }
  const flushAtMinute = (): void => {
    const left = minuteMs - (now() % minuteMs) + 1
    atMinute ??= setTimeout(() => {
      atMinute = undefined
      void flush()
    }, left).unref()
  }

  return {
    closeMinute: () => {
      closeMinute()
    },
    add: (row) => {
      pending += 1
      if (row !== undefined) queue.add(row)
      if (queue.size() > 0) flushSoon(promptMs)
      flushAtMinute()
    },
    flush,
    pending: () => pending,
    stop: async () => {
      closeMinute(true)
      await flush()
      clearTimeout(soon)
      clearTimeout(atMinute)
    },
  }
}
