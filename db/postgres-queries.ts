import type { BetterSQLite3Database } from 'drizzle-orm/better-sqlite3'
import { PgDatabase, PgDialect } from 'drizzle-orm/pg-core'
import { PgRemoteSession } from 'drizzle-orm/pg-proxy'
import pg from 'pg'

/** Runs one statement; rows are arrays in the order of the columns. */
export type RunStatement = (statement: pg.QueryArrayConfig) => Promise<pg.QueryArrayResult>

const { builtins } = pg.types
const asText = (value: string): string => value

/** Numbers up to 2^53 are all we keep in 64 bits; the columns read JSON themselves. */
const parsers: ReadonlyMap<number, (value: string) => unknown> = new Map<
  number,
  (value: string) => unknown
>([
  [builtins.INT8, Number],
  [builtins.JSON, asText],
])

const usual: (oid: number) => (value: string) => unknown = pg.types.getTypeParser

const types: pg.CustomTypesConfig = {
  getTypeParser: (oid: number) => parsers.get(oid) ?? usual(oid),
}

/**
 * Drizzle for PostgreSQL behind the type that is made for SQLite, and with its tables: their names
 * and columns are the same (a test says so), 1 and 0 are read as boolean, and JSON is text in both
 * directions. A table is joined by its own name only: an alias would be lost here.
 */
export const createQueries = (run: RunStatement): BetterSQLite3Database => {
  const dialect = new PgDialect()
  const send = async (text: string, values: unknown[]) => ({
    rows: (await run({ text, values, rowMode: 'array', types })).rows,
  })
  const session = new PgRemoteSession(send, dialect, undefined)
  const prepare = session.prepareQuery.bind(session)
  // Drizzle would write the parameters of what failed, digests and names, into the message.
  const queryWithCache = <T>(_: string, __: unknown, sendIt: () => Promise<T>): Promise<T> =>
    sendIt()
  Object.assign(session, {
    prepareQuery: (...query: Parameters<typeof prepare>) =>
      Object.assign(prepare(...query), { queryWithCache }),
  })
  return new PgDatabase(dialect, session, undefined) as unknown as BetterSQLite3Database
}
