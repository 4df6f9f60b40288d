import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { SQLiteAsyncDialect } from 'drizzle-orm/sqlite-core'
import { SqliteRemoteDatabase, SQLiteRemoteSession } from 'drizzle-orm/sqlite-proxy'
import { createAsideThread } from './aside-thread.ts'

/** Ms. */
const longest = 10_000

/** How far behind the threads that serve (nice(2)). */
const niceness = 10

export type Aside = {
  readonly queries: BetterSQLite3Database
  readonly close: () => Promise<void>
}

/**
 * Drizzle for reads of unknown length in an SQLite file: better-sqlite3 holds up the thread that
 * asks, so these are asked in another one, and what takes too long fails.
 */
export const createAside = (file: string, longestMs: number = longest): Aside => {
  const thread = createAsideThread({ file, niceness }, longestMs)
  const dialect = new SQLiteAsyncDialect()
  const session = new SQLiteRemoteSession(
    async (text, values: unknown[], method) => ({
      rows: (await thread.ask({ text, values, one: method === 'get' })) as unknown[],
    }),
    dialect,
    undefined,
    undefined,
  )
  const prepare = session.prepareQuery.bind(session)
  // Drizzle would write the parameters of what failed, names among them, into the message.
  const queryWithCache = <T>(_: string, __: unknown, send: () => Promise<T>): Promise<T> => send()
  Object.assign(session, {
    prepareQuery: (...query: Parameters<typeof prepare>) =>
      Object.assign(prepare(...query), { queryWithCache }),
  })
  const queries = new SqliteRemoteDatabase('async', dialect, session, undefined)
  return { queries: queries as unknown as BetterSQLite3Database, close: thread.close }
}
