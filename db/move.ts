import { and, asc, getTableColumns, getTableName, gt, ne, sql, type SQL } from 'drizzle-orm'
import { getTableConfig, type SQLiteColumn, type SQLiteTable } from 'drizzle-orm/sqlite-core'
import { setImmediate as breathe } from 'node:timers/promises'
import { verifyEvents, type Verified } from './chain-verification.ts'
import { transact, type Database, type Reader, type Transaction } from './database.ts'
import { keyName } from './keys.ts'
import { setMeta } from './meta.ts'
import { accounts, meta } from './schema/accounts.ts'
import { changes, events, locks, sources } from './schema/audit.ts'
import { apiKeys, authenticators, devices, sessions } from './schema/credentials.ts'
import { nodes } from './schema/nodes.ts'
import { notices } from './schema/notices.ts'
import { challenges, invites, passwordResets } from './schema/proofs.ts'
import { roles, safelistEntries, userRoles, users } from './schema/users.ts'

/** What a directory is, each table behind those that it refers to. Nodes are not of it: they live. */
export const movedTables: readonly SQLiteTable[] = [
  ...[accounts, meta, roles, users, userRoles, safelistEntries],
  ...[apiKeys, sessions, devices, authenticators, challenges, invites, passwordResets],
  ...[events, sources, locks, changes, notices],
]

/** Below what either engine takes in one statement (SQLite 32,766; PostgreSQL 65,535). */
const mostParameters = 30_000

const mostRows = 500

type Row = Readonly<Record<string, unknown>>

/** The columns of the primary key, by their names in a row. */
const keyOf = (table: SQLiteTable): readonly (readonly [string, SQLiteColumn])[] => {
  const { primaryKeys } = getTableConfig(table)
  const parts = new Set(primaryKeys.flatMap(({ columns }) => columns.map(({ name }) => name)))
  return Object.entries(getTableColumns(table)).filter(
    ([, column]) => column.primary || parts.has(column.name),
  )
}

/** The key of the installation has a place of its own on each engine. */
const isMoved = (table: SQLiteTable): SQL | undefined =>
  table === meta ? ne(meta.key, keyName) : undefined

const comesAfter = (table: SQLiteTable, last: Row): SQL => {
  const list = (parts: readonly unknown[]) =>
    sql.join(
      parts.map((it) => sql`${it}`),
      sql`, `,
    )
  const key = keyOf(table)
  const [only] = key
  if (only !== undefined && key.length === 1) return gt(only[1], last[only[0]])
  return sql`(${list(key.map(([, column]) => column))}) > (${list(key.map(([name]) => last[name]))})`
}

const copyTable = async (from: Reader, to: Transaction, table: SQLiteTable): Promise<number> => {
  const columns = Object.keys(getTableColumns(table)).length
  const limit = Math.min(mostRows, Math.floor(mostParameters / columns))
  const order = keyOf(table).map(([, column]) => asc(column))
  let rows = 0
  for (let last: Row | undefined; ;) {
    const batch: readonly Row[] = await from.queries
      .select()
      .from(table)
      .where(and(isMoved(table), last && comesAfter(table, last)))
      .orderBy(...order)
      .limit(limit)
    if (batch.length > 0) await to.queries.insert(table).values([...batch])
    rows += batch.length
    last = batch.at(-1)
    // Without a pause nothing of what SQLite has done with is let go.
    await breathe()
    if (batch.length < limit) return rows
  }
}

const assertEmpty = async (reader: Reader): Promise<void> => {
  for (const table of [...movedTables, nodes]) {
    const found = await reader.queries.select().from(table).where(isMoved(table)).limit(1)
    if (found.length > 0)
      throw new Error(`the target is not empty (${getTableName(table)}); nothing was copied`)
  }
}

const copyAll = async (from: Reader, to: Transaction): Promise<Moved['rows']> => {
  const rows: Record<string, number> = {}
  for (const table of movedTables) rows[getTableName(table)] = await copyTable(from, to, table)
  return rows
}

const isSame = (one: Verified, other: Verified): boolean =>
  one.ok === other.ok && one.firstBroken?.seq === other.firstBroken?.seq

export type Moved = {
  /** Rows by table. */
  readonly rows: Readonly<Record<string, number>>
  /** As it is there; one that is broken here is broken at the same row. */
  readonly audit: Verified
}

/**
 * Copies a directory, audit and installation's key included, into an empty database of either
 * engine, in one transaction; nobody writes to the first meanwhile. Beside a target in a file the
 * key lies already. Rows pass in batches, so memory does not grow with them; and neither server is
 * left to wait in a transaction for what is done with the other.
 */
export const moveDirectory = async (from: Database, to: Database): Promise<Moved> => {
  await assertEmpty(to)
  const before = await verifyEvents(from)
  return transact(to, async (target) => {
    await assertEmpty(target)
    const rows = await transact(from, (source) => copyAll(source, target))
    const { queries, prepared } = target
    const audit = await verifyEvents({ ...from, queries, prepared })
    if (!isSame(before, audit)) throw new Error('the audit did not arrive as it was')
    if (to.engine.dialect === 'postgres') await setMeta(target, keyName, from.key.toString('hex'))
    await to.engine.continueNumbers([
      ['sources', 'id'],
      ['changes', 'seq'],
    ])
    return { rows, audit }
  })
}
