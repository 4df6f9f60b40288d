import { setImmediate as breathe } from 'node:timers/promises'
import type { Address } from '../policies/address.ts'
import { transact, type Database, type Transaction } from './database.ts'

/** When something was last used, and from where. */
export type LastUse = { readonly id: string; readonly at: number; readonly source: string }

/** Last uses of things of one kind (keys, sessions), written in batches behind the answers. */
export type LastUses = {
  /** Notes a use, in memory; without allocation when the thing was used before. */
  readonly used: (id: string, client: Address, at: number) => void
  /** Writes what is due; `onError` is told when it cannot be written, and it is tried again. */
  readonly flush: () => Promise<void>
  /** Writes all that waits. */
  readonly stop: () => Promise<void>
}

type Use = {
  readonly id: string
  client: Address
  at: number
  /** When its row was last written from here. */
  writtenAt: number
}

const everyMs = 1000

/** One row is written no more often than this. */
const leastMs = 60_000

/** So few that a transaction of them holds up nothing else for long. */
const rowsAtOnce = 200

/** Bounded in memory: of more than `most` things at once some uses are not noted. */
export const createLastUses = ({
  database,
  write,
  onError,
  most = 50_000,
}: {
  readonly database: Database
  /** Writes these uses, each unless a later one is written. */
  readonly write: (tx: Transaction, uses: readonly LastUse[]) => Promise<void>
  readonly onError: (error: unknown) => void
  readonly most?: number
}): LastUses => {
  const uses = new Map<string, Use>()
  const waiting = new Set<Use>()
  let writing: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined

  /** Due by the clock, whichever way that is set. */
  const isDue = ({ writtenAt }: Use): boolean => Math.abs(database.now() - writtenAt) >= leastMs

  const writeSome = async (some: readonly Use[]): Promise<void> => {
    const rows = some.map(({ id, at, client }) => ({ id, at, source: client.text }))
    for (const use of some) waiting.delete(use)
    try {
      await transact(database, (tx) => write(tx, rows))
    } catch (error) {
      for (const use of some) waiting.add(use)
      throw error
    }
    for (const use of some) use.writtenAt = database.now()
  }
  const writeDue = async (inAnyCase: boolean): Promise<void> => {
    const due = [...waiting].filter((use) => inAnyCase || isDue(use))
    try {
      for (let at = 0; at < due.length; at += rowsAtOnce) {
        await writeSome(due.slice(at, at + rowsAtOnce))
        await breathe()
      }
    } catch (error) {
      onError(error)
    }
    if (waiting.size > 0) schedule()
  }
  const flush = async (inAnyCase = false): Promise<void> => {
    await writing
    writing ??= writeDue(inAnyCase).finally(() => {
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
  const makeRoom = (): boolean => {
    if (uses.size < most) return true
    for (const use of uses.values()) if (!waiting.has(use)) uses.delete(use.id)
    return uses.size < most
  }

  return {
    used: (id, client, at) => {
      const known = uses.get(id)
      if (known !== undefined) {
        known.client = client
        known.at = at
        waiting.add(known)
      } else if (makeRoom()) {
        const use = { id, client, at, writtenAt: -Infinity }
        uses.set(id, use)
        waiting.add(use)
      }
      if (timer === undefined) schedule()
    },
    flush: () => flush(),
    stop: async () => {
      await flush(true)
      clearTimeout(timer)
    },
  }
}
