import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { setImmediate as breathe, setTimeout as wait } from 'node:timers/promises'
import { openSqlite } from './engine-sqlite.ts'
import type { Engine } from './engine.ts'
import { createIds, type IdSources } from './ids.ts'

/**
 * Drizzle's query builder; awaited, never asked for rows synchronously. It is typed for SQLite and
 * made for the engine: PostgreSQL is asked through the same tables.
 */
export type Queries = BetterSQLite3Database

/** Something made once from its argument and then kept, by the identity of the function. */
type Kept<From> = <T>(make: (from: From) => T) => T

/** What functions that only read take: the database (committed rows) or a transaction. */
export type Reader = {
  readonly queries: Queries
  /** For the few things that only one engine knows. */
  readonly dialect: Engine['dialect']
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
  readonly newId: () => string
  /** Called, and awaited, after each transaction that brought news; they never reject. */
  readonly followers: Set<() => Promise<void>>
  /** Waits for the turn of this process's writer; resolves to the function that ends the turn. */
  readonly takeTurn: () => Promise<() => void>
  readonly engine: Engine
  /**
   * For reads that may take long (lists, searches, counts): no request of the data plane waits for
   * them. One statement after the other, and none beyond a limit of time.
   */
  readonly aside: Reader
  readonly write: Reader
}

const keep = <From>(from: () => From): Kept<From> => {
  const made = new Map<unknown, unknown>()
  return <T>(make: (from: From) => T): T => {
    if (!made.has(make)) made.set(make, make(from()))
    return made.get(make) as T
  }
}

/** Some ms of SQLite, which waits for nothing: then everything else has a moment. */
const turnsInARow = 8

/** First come, first served; nobody is passed over, and a long queue does not hold up the process. */
const createTurns = (): (() => Promise<() => void>) => {
  let last = Promise.resolve()
  let taken = 0
  return async () => {
    const before = last
    const turn = Promise.withResolvers<undefined>()
    last = before.then(() => turn.promise)
    await before
    if (++taken % turnsInARow === 0) await breathe()
    return () => {
      turn.resolve(undefined)
    }
  }
}

/** What reads over these queries. */
export const readerOf = (
  queries: Queries,
  shared: Pick<Reader, 'now' | 'key' | 'dialect'>,
): Reader => ({
  ...shared,
  queries,
  prepared: keep(() => queries),
})

/** Where the database is: a file (SQLite; `:memory:` for one of its own), or a server's URL. */
export type Place = { readonly file: string } | { readonly url: string }

/** PostgreSQL is read from the disk only when it is asked for: the start is to be quick. */
const openEngine = async (place: Place, random: IdSources['random']) => {
  if ('file' in place) return openSqlite(place.file, random)
  const { openPostgres } = await import('./engine-postgres.ts')
  return openPostgres(place.url, random)
}

/** Opens (makes, migrates) the database. Throws one clear line. */
export const openDatabase = async ({
  now,
  random,
  ...place
}: IdSources & Place): Promise<Database> => {
  const { engine, key } = await openEngine(place, random)
  const shared = { now, key, dialect: engine.dialect }
  return {
    ...readerOf(engine.reader, shared),
    aside: readerOf(engine.aside, shared),
    write: readerOf(engine.writer, shared),
    newId: createIds({ now, random }),
    followers: new Set(),
    takeTurn: createTurns(),
    engine,
  }
}

/** Waits for the transactions that have begun or wait, then closes. */
export const closeDatabase = async (database: Database): Promise<void> => {
  const endTurn = await database.takeTurn()
  await database.engine.close()
  endTurn()
}

type Open = {
  readonly tx: Transaction
  /** Commits, and tells whether there is news. */
  readonly commit: () => Promise<boolean>
  /** Ends it, with a rollback unless it was committed. */
  readonly end: () => Promise<void>
}

const openTransaction = ({ write, engine, newId }: Database): Open => {
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
    dialect: write.dialect,
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
      await engine.commit()
      return hasNews
    },
    end: () => {
      isOpen = false
      return engine.end()
    },
  }
}

type Work<T> = (tx: Transaction) => Promise<T>

type Done<T> = { readonly result: T; readonly hasNews: boolean }

const runOnce = async <T>(database: Database, work: Work<T>): Promise<Done<T>> => {
  await database.engine.begin()
  const { tx, commit, end } = openTransaction(database)
  try {
    const result = await work(tx)
    return { result, hasNews: await commit() }
  } finally {
    await end()
  }
}

/** From the start again, with nothing left of the try before, while the engine says so. */
const run = async <T>(database: Database, work: Work<T>): Promise<Done<T>> => {
  for (let tries = 1; ; tries++) {
    let waitMs: number | undefined
    try {
      return await runOnce(database, work)
    } catch (error) {
      waitMs = database.engine.retryAfter(error, tries)
      if (waitMs === undefined) throw error
    }
    await wait(waitMs)
  }
}

/**
 * Runs work as one transaction of the single writer: all of it is committed when it resolves, none
 * when it throws. Work may be run more than once, so it touches nothing but the transaction. Not to
 * be nested. News has reached this process's followers when it resolves.
 */
export const transact = async <T>(database: Database, work: Work<T>): Promise<T> => {
  const endTurn = await database.takeTurn()
  let done: Done<T>
  try {
    done = await run(database, work)
  } finally {
    endTurn()
  }
  if (done.hasNews) await Promise.all(Array.from(database.followers, (follow) => follow()))
  return done.result
}
