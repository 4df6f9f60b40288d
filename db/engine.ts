import type Sqlite from 'better-sqlite3'
import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'

/** What a database does for the functions of this folder, whichever it is. */
type Common = {
  /** Sees committed rows, and cannot write. */
  readonly reader: BetterSQLite3Database
  /** The same for reads that may take long: meanwhile this thread goes on. */
  readonly aside: BetterSQLite3Database
  /** Sees and writes what the open transaction does. */
  readonly writer: BetterSQLite3Database
  /** Begins the transaction of the single writer of all processes; one at a time. */
  readonly begin: () => Promise<void>
  readonly commit: () => Promise<void>
  /** Ends the transaction, with a rollback unless it was committed. */
  readonly end: () => Promise<void>
  /** Ms after which a transaction that failed so is tried again; undefined: never. */
  readonly retryAfter: (error: unknown, tries: number) => number | undefined
  /** It is busy, full, read-only or lost: the same may work later. */
  readonly isOutage: (error: Error) => boolean
  /**
   * In the open transaction: columns that number their rows by themselves go on behind the highest
   * number that was written.
   */
  readonly continueNumbers: (
    columns: readonly (readonly [table: string, column: string])[],
  ) => Promise<void>
  readonly close: () => Promise<void>
}

export type Connections = {
  readonly reader: Sqlite.Database
  readonly writer: Sqlite.Database
}

export type SqliteEngine = Common & {
  readonly dialect: 'sqlite'
  readonly file: string
  readonly connections: Connections
}

export type PostgresEngine = Common & { readonly dialect: 'postgres'; readonly url: string }

export type Engine = SqliteEngine | PostgresEngine
