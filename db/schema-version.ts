import { count } from 'drizzle-orm'
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core'
import type { Reader } from './database.ts'
import { readMigrations } from './migrate.ts'

/** The bookkeeping of migrations, as both engines have it. */
const applied = sqliteTable('__drizzle_migrations', { id: integer().primaryKey() })

/**
 * Asks whether a newer version has changed the schema since this process opened the database, which
 * was then of its own version.
 */
export const createIsOutdated = (reader: Reader): (() => Promise<boolean>) => {
  const known = readMigrations(reader.dialect).length
  return async () => {
    const [row] = await reader.queries.select({ count: count() }).from(applied)
    return (row?.count ?? 0) > known
  }
}
