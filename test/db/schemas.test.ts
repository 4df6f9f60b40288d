import * as drizzleKit from 'drizzle-kit/api'
import { is, SQL, Table, type Column } from 'drizzle-orm'
import { getTableConfig as postgresTable, PgDialect, PgTable } from 'drizzle-orm/pg-core'
import {
  getTableConfig as sqliteTable,
  SQLiteTable,
  SQLiteSyncDialect,
} from 'drizzle-orm/sqlite-core'
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

type Snapshot = { readonly id: string }

type Schema = Readonly<Record<string, unknown>>

/** What is used here of drizzle-kit, whose own types do not resolve. */
const kit = drizzleKit as unknown as {
  generateSQLiteDrizzleJson: (schema: Schema, previous: string) => Promise<Snapshot>
  generateSQLiteMigration: (from: Snapshot, to: Snapshot) => Promise<readonly string[]>
  generateDrizzleJson: (schema: Schema, previous: string) => Snapshot
  generateMigration: (from: Snapshot, to: Snapshot) => Promise<readonly string[]>
}

const db = new URL('../../db/', import.meta.url)

const readSchema = async (folder: string): Promise<Schema> => {
  const files = readdirSync(new URL(folder, db)).map(
    (name) => new URL(`${folder}/${name}`, db).href,
  )
  const parts = await Promise.all(files.map((file) => import(file) as Promise<Schema>))
  return Object.assign({}, ...parts) as Schema
}

const newestSnapshot = (folder: string): Snapshot => {
  const at = new URL(`${folder}/meta/`, db)
  const journal = JSON.parse(readFileSync(new URL('_journal.json', at), 'utf8')) as {
    entries: { idx: number }[]
  }
  const index = String(journal.entries.at(-1)?.idx).padStart(4, '0')
  return JSON.parse(readFileSync(new URL(`${index}_snapshot.json`, at), 'utf8')) as Snapshot
}

/** The type of a column as both engines would call it. */
const kinds: Readonly<Record<string, string>> = {
  SQLiteText: 'text',
  SQLiteTextJson: 'json',
  SQLiteInteger: 'whole',
  SQLiteBoolean: 'boolean',
  PgCustomColumn: 'text',
  PgJson: 'json',
  PgBigInt53: 'whole',
  PgBoolean: 'boolean',
}

const columnOf = (column: Column) => [
  column.name,
  kinds[column.columnType] ?? column.columnType,
  column.notNull ? 'not null' : 'null',
  // A number that grows by itself is a default of its own.
  column.generatedIdentity !== undefined || ('autoIncrement' in column && column.autoIncrement)
    ? 'growing'
    : column.primary
      ? undefined
      : column.default,
]

const [toPostgres, toSqlite] = [new PgDialect(), new SQLiteSyncDialect()]

/** A condition as SQLite would write it. */
const textOf = (value: SQL | undefined, dialect: PgDialect | SQLiteSyncDialect) =>
  value === undefined ? undefined : dialect.sqlToQuery(value).sql.replace(/^not (\S+)$/, '$1 = 0')

type Config = ReturnType<typeof postgresTable> | ReturnType<typeof sqliteTable>

const nameOf = (column: unknown): string =>
  is(column, SQL) ? 'expression' : (column as { name: string }).name

const shapeOf = (config: Config, dialect: PgDialect | SQLiteSyncDialect) => ({
  columns: config.columns.map(columnOf),
  primaryKey: [
    ...config.columns.filter(({ primary }) => primary).map(({ name }) => name),
    ...config.primaryKeys.flatMap(({ columns }) => columns.map(({ name }) => name)),
  ],
  indices: config.indexes
    .map(({ config: index }) => ({
      name: index.name,
      columns: index.columns.map(nameOf),
      unique: index.unique,
      where: textOf(index.where, dialect),
    }))
    .toSorted((a, b) => (a.name ?? '').localeCompare(b.name ?? '')),
  references: config.foreignKeys.map((key) => {
    const { columns, foreignColumns, foreignTable } = key.reference()
    const to = foreignTable[(Table as unknown as { Symbol: { Name: symbol } }).Symbol.Name as never]
    return [columns.map(nameOf), to, foreignColumns.map(nameOf), key.onDelete ?? 'no action']
  }),
})

/** Checks that say of which type a value is: PostgreSQL's columns say it themselves. */
const isOfType = (text: string): boolean =>
  /^\S+ in \(0, 1\)$|^[^&|]*typeof\(\S+\) = 'integer'$/.test(text)

/** What PostgreSQL says in other words, or need not say. */
const asPostgresSays = (text: string): string =>
  text
    .replace(/^typeof\(\S+\) = 'integer' and /, '')
    .replace("not glob '*[^!-~]*'", () => "~ '^[!-~]*$'")
    .replace("not glob '*:*'", "!~ ':'")

const sqliteSchema = await readSchema('schema')
const postgresSchema = await readSchema('schema-postgres')

const tablesOf = (schema: Schema, kind: typeof PgTable | typeof SQLiteTable) =>
  Object.entries(schema).filter(([, value]) => is(value, kind))

describe('each schema', () => {
  it('of SQLite is what its migrations make: nothing waits to be generated', async () => {
    const written = newestSnapshot('migrations')
    const current = await kit.generateSQLiteDrizzleJson(sqliteSchema, written.id)
    expect(await kit.generateSQLiteMigration(written, current)).toEqual([])
  })

  it('of PostgreSQL is what its migrations make: nothing waits to be generated', async () => {
    const written = newestSnapshot('migrations-postgres')
    const current = kit.generateDrizzleJson(postgresSchema, written.id)
    expect(await kit.generateMigration(written, current)).toEqual([])
  })

  it('is at home where the URL says, and names no schema of the server', () => {
    const at = new URL('migrations-postgres/', db)
    for (const name of readdirSync(at).filter((it) => it.endsWith('.sql')))
      expect(readFileSync(new URL(name, at), 'utf8'), name).not.toMatch(/"public"/)
  })
})

describe('the schema of PostgreSQL', () => {
  it('has the tables of SQLite, under the same names', () => {
    const names = (schema: Schema, kind: typeof PgTable | typeof SQLiteTable) =>
      tablesOf(schema, kind).map(([name]) => name)
    expect(names(postgresSchema, PgTable).toSorted()).toEqual(
      names(sqliteSchema, SQLiteTable).toSorted(),
    )
  })

  const tables = tablesOf(sqliteSchema, SQLiteTable).map(
    ([name, table]) => [name, table as SQLiteTable, postgresSchema[name] as PgTable] as const,
  )

  it.each(tables)('has the same %s: columns, keys, indices', (_, one, other) => {
    const [ours, theirs] = [sqliteTable(one), postgresTable(other)]
    expect(theirs.name).toBe(ours.name)
    expect(shapeOf(theirs, toPostgres)).toEqual(shapeOf(ours, toSqlite))
  })

  it.each(tables)('checks the same of %s, but for types', (_, one, other) => {
    const theirs = postgresTable(other).checks.map(({ name, value }) => [
      name,
      textOf(value, toPostgres),
    ])
    const ours = sqliteTable(one)
      .checks.map(({ name, value }) => [name, textOf(value, toSqlite) ?? ''] as const)
      .filter(([, text]) => !isOfType(text))
      .map(([name, text]) => [name, asPostgresSays(text)])
    expect(theirs).toEqual(ours)
  })
})
