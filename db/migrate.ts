import type Sqlite from 'better-sqlite3'
import { readMigrationFiles, type MigrationMeta } from 'drizzle-orm/migrator'
import { fileURLToPath } from 'node:url'

export type Applied = { readonly hash: string; readonly created_at: number }

const folders = { sqlite: './migrations', postgres: './migrations-postgres' } as const

/** The migrations of this version, oldest first; their SQL lies beside this file, built or not. */
export const readMigrations = (
  dialect: keyof typeof folders = 'sqlite',
): readonly MigrationMeta[] =>
  readMigrationFiles({
    migrationsFolder: fileURLToPath(new URL(folders[dialect], import.meta.url)),
  })

const bookkeeping = `create table if not exists __drizzle_migrations (
  id integer primary key autoincrement, hash text not null, created_at integer not null)`

const appliedTo = (connection: Sqlite.Database): readonly Applied[] =>
  connection
    .prepare<[], Applied>('select hash, created_at from __drizzle_migrations order by id')
    .all()

/** What was applied before must be what this version knows, in the same order. */
export const assertKnown = (
  applied: readonly Applied[],
  migrations: readonly MigrationMeta[],
): void => {
  for (const [index, { hash, created_at }] of applied.entries()) {
    const migration = migrations[index]
    if (migration === undefined) throw new Error('it was made by a newer version of Sallyport')
    if (migration.hash !== hash || migration.folderMillis !== created_at)
      throw new Error('its schema is not the one of this version')
  }
}

/**
 * Brings the schema up to date, one transaction for each step; another process may do the same at
 * the same time. Throws when the file is of a newer version; nothing is changed then.
 */
export const migrate = (
  connection: Sqlite.Database,
  migrations: readonly MigrationMeta[] = readMigrations(),
): void => {
  connection.transaction(() => connection.exec(bookkeeping)).immediate()
  const step = connection.transaction(() => {
    const applied = appliedTo(connection)
    assertKnown(applied, migrations)
    const next = migrations[applied.length]
    if (next === undefined) return false
    for (const statement of next.sql) connection.exec(statement)
    connection
      .prepare('insert into __drizzle_migrations (hash, created_at) values (?, ?)')
      .run(next.hash, next.folderMillis)
    return true
  })
  while (step.immediate()) continue
}
