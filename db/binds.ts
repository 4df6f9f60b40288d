import { createBindGroups, type BindEnd, type BindEntry } from './bind-groups.ts'
import type { Database, Transaction } from './database.ts'
import { appendEvent } from './events.ts'
import type { Row } from './refusal-groups.ts'
import { createRowWriter } from './row-writer.ts'
import { recordSignIn } from './users.ts'

export type BindLog = {
  /** A bind stands; its user has signed in by it. */
  readonly permitted: (bind: BindEntry) => void
  readonly ended: (bind: BindEntry, end: BindEnd) => void
  /** Writes what waits; resolves when it is written, or `onError` was told that it was not. */
  readonly flush: () => Promise<void>
  /** Binds and ends that are in no row yet. */
  readonly pending: () => number
  /** Ends the minute and writes everything. */
  readonly stop: () => Promise<void>
}

/** The row, and with it that the user signed in; from where is not known of rows of many sources. */
const write = async (tx: Transaction, row: Row): Promise<void> => {
  await appendEvent(tx, row)
  const { action, userId, source, lastAt: at } = row
  if (action === 'bind.permitted' && userId != null && source != null)
    await recordSignIn(tx, { userId, at, source, channel: 'smpp' })
}

/**
 * The audit of binds at any rate: the first of a kind (user, source, type) is written at once, the
 * rest of its minute as one row with a count; so are their ends.
 */
export const createBindLog = ({
  database,
  onError,
}: {
  readonly database: Database
  readonly onError: (error: unknown) => void
}): BindLog => {
  const groups = createBindGroups()
  const { closeMinute, add, flush, pending, stop } = createRowWriter({
    database,
    onError,
    closeGroups: groups.close,
    write,
  })
  const count = (bind: BindEntry, end?: BindEnd): void => {
    closeMinute()
    add(groups.count(bind, end, database.now()))
  }
  return {
    permitted: (bind) => {
      count(bind)
    },
    ended: count,
    flush,
    pending,
    stop,
  }
}
