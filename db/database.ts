import type Sqlite from 'better-sqlite3'
import { drizzle, type BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { openConnections, type Connections } from './engine.ts'
import { createIds, type IdSources } from './ids.ts'
import { readInstallationKey } from './keys.ts'

/** Drizzle's query builder; awaited, never asked for rows synchronously. */
export type Queries = BetterSQLite3Database

/** Something made once from its argument and then kept, by the identity of the function. */
type Kept<From> = <T>(make: (from: From) => T) => T

/** What functions that only read take: the database (committed rows) or a transaction. */
export type Reader = {
  readonly queries: Queries
  /** A prepared statement of this connection: `build` runs once and its result is kept. */
  readonly prepared: Kept<Queries>
  /** Ms since the epoch. */
  readonly now: () => number
  /** The installation's key; derive one for each purpose. */
  readonly key: Buffer
}

/** What functions that write take; only `transact` makes one. */
export type Transaction = Reader & {
  /** A new UUIDv7. */
  readonly newId: () => string
  /** State of this transaction, made at the first call. */
  readonly once: Kept<Transaction>
  /** Runs just before COMMIT; what it throws rolls back. */
  readonly beforeCommit: (work: () => Promise<void>) => void
  /** There is news: once it is committed, this process's followers hear of it. */
  readonly announce: () => void
}

export type Database = Reader & {
  readonly file: string
  readonly newId: () => string
  /** Called, and awaited, after each transaction that brought news; they never reject. */
  readonly followers: Set<() => Promise<void>>
  /** Waits for the turn of the single writer; resolves to the function that ends the turn. */
  readonly takeTurn: () => Promise<() => void>
  readonly connections: Connections
  readonly write: Reader
  readonly isTemporary: boolean
}

const keep = <From>(from: () => From): Kept<From> => {
  const made = new Map<unknown, unknown>()
  return <T>(make: (from: From) => T): T => {
    if (!made.has(make)) made.set(make, make(from()))
    return made.get(make) as T
  }
}

/** First come, first served; nobody is passed over. */
const createTurns = (): (() => Promise<() => void>) => {
  let last = Promise.resolve()
  return async () => {
    const before = last
    const turn = Promise.withResolvers<undefined>()
    last = before.then(() => turn.promise)
    await before
    return () => {
      turn.resolve(undefined)
    }
  }
}

const readerOf = (connection: Sqlite.Database, shared: Pick<Reader, 'now' | 'key'>): Reader => {
  const queries = drizzle(connection)
  return { ...shared, queries, prepared: keep(() => queries) }
}

const temporaryFile = (): string => join(mkdtempSync(join(tmpdir(), 'sallyport-')), 'sallyport.db')

/**
 * Opens (makes, migrates) the database; `:memory:` is a file of its own in the temporary folder,
 * removed on closing. The installation's key lies beside the file. Throws one clear line.
 */
export const openDatabase = async ({
  file,
  now,
  random,
}: IdSources & { readonly file: string }): Promise<Database> => {
  const isTemporary = file === ':memory:'
  const path = isTemporary ? temporaryFile() : file
  let connections: Connections | undefined
  try {
    connections = openConnections(path, random(6).toString('hex'))
    const shared = { now, key: readInstallationKey(dirname(path), random) }
    return {
      ...readerOf(connections.reader, shared),
      write: readerOf(connections.writer, shared),
      file: path,
      newId: createIds({ now, random }),
      followers: new Set(),
      takeTurn: createTurns(),
      connections,
      isTemporary,
    }
  } catch (error) {
    connections?.reader.close()
    connections?.writer.close()
    if (isTemporary) rmSync(dirname(path), { recursive: true, force: true })
    throw error
  }
}

/** Waits for the transactions that have begun or wait, then closes. */
export const closeDatabase = async (database: Database): Promise<void> => {
  const endTurn = await database.takeTurn()
  database.connections.reader.close()
  database.connections.writer.close()
  if (database.isTemporary) rmSync(dirname(database.file), { recursive: true, force: true })
  endTurn()
}

const busyTries = 250
const busyWaitMs = 20

/** Another process may be writing: waits for it without blocking this one, up to about 5 s. */
const begin = async (writer: Sqlite.Database): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      writer.exec('begin immediate')
      return
    } catch (error) {
      const isBusy = error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY'
      if (!isBusy || tries >= busyTries) throw error
    }
    await wait(busyWaitMs)
  }
}

type Open = {
  readonly tx: Transaction
  /** Commits, and tells whether there is news. */
  readonly commit: () => Promise<boolean>
  /** Ends it, with a rollback unless it was committed. */
  readonly end: () => void
}

const openTransaction = ({ write, connections: { writer }, newId }: Database): Open => {
  const last: (() => Promise<void>)[] = []
  let isOpen = true
  let hasNews = false
  const reader = (): Reader => {
    if (!isOpen) throw new Error('the transaction has ended')
    return write
  }
  const tx: Transaction = {
    now: write.now,
    key: write.key,
    newId,
    get queries() {
      return reader().queries
    },
    prepared: (build) => reader().prepared(build),
    once: keep((): Transaction => tx),
    beforeCommit: (work) => last.push(work),
    announce: () => {
      hasNews = true
    },
  }
  return {
    tx,
    commit: async () => {
      for (const work of last) await work()
      writer.exec('commit')
      return hasNews
    },
    end: () => {
      isOpen = false
      if (writer.inTransaction) writer.exec('rollback')
    },
  }
}

/**
 * Runs work as one transaction of the single writer: all of it is committed when it resolves, none
 * when it throws. Not to be nested. News has reached this process's followers when it resolves.
 */
export const transact = async <T>(
  database: Database,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> => {
  const endTurn = await database.takeTurn()
  let result: T
  let hasNews: boolean
  try {
    await begin(database.connections.writer)
    const { tx, commit, end } = openTransaction(database)
    try {
      result = await work(tx)
      hasNews = await commit()
    } finally {
      end()
    }
  } finally {
    endTurn()
  }
  if (hasNews) await Promise.all(Array.from(database.followers, (follow) => follow()))
  return result
}
