import Sqlite from 'better-sqlite3'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, onTestFinished } from 'vitest'
import { createAccount, type Account } from '../../db/accounts.ts'
import { closeDatabase, openDatabase, transact, type Database } from '../../db/database.ts'
import type { SqliteEngine } from '../../db/engine.ts'
import { systemActor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { createUser, type NewUser } from '../../db/users.ts'
import {
  dropPostgres,
  postgresServer,
  returnPostgres,
  runOnPostgres,
  takePostgres,
} from './postgres.ts'

/** A folder that is gone when the test is over. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

export type Clock = { at: number }

/** 2027-01-15, at the beginning of a minute. */
export const someTime = Date.UTC(2027, 0, 15, 8)

/** On which engine the tests of this run are; see `vitest.config.ts`. */
export const isPostgres = process.env['TEST_ENGINE'] === 'postgres'

if (isPostgres) {
  beforeEach(async ({ skip }) => {
    skip((await postgresServer()) === undefined, 'there is no PostgreSQL to test on')
  })
  afterAll(dropPostgres, 60_000)
}

const places = new WeakMap<Database, string>()
const damaged = new Set<string>()

/** The file or the URL of a database of these tests, to open it again. */
export const placeOf = (database: Database): string => {
  const place = places.get(database)
  if (place === undefined) throw new Error('a database of somebody else')
  return place
}

const open = async (clock: Clock, place: string): Promise<Database> => {
  const sources = { now: () => clock.at, random: randomBytes }
  const at = place.startsWith('postgres') ? { url: place } : { file: place }
  const database = await openDatabase({ ...at, ...sources })
  places.set(database, place)
  onTestFinished(() => closeDatabase(database).catch(() => undefined))
  return database
}

const takePlace = async (): Promise<string> => {
  if (!isPostgres) return join(temporaryFolder(), 'sallyport.db')
  const url = await takePostgres()
  // Registered before the database is closed, so it runs behind that.
  onTestFinished(() => returnPostgres(url, damaged.has(url)))
  return url
}

/** A database of its own, on the engine of this run, with a clock that stands still. */
export const temporaryDatabase = async (
  clock: Clock = { at: someTime },
  place?: string,
): Promise<Database> => open(clock, place ?? (await takePlace()))

/** The file and the connections of a database that is on SQLite. */
export const sqliteOf = ({ engine }: Database): SqliteEngine => {
  if (engine.dialect !== 'sqlite') throw new Error('not on SQLite')
  return engine
}

const onSqlite = (file: string, statements: readonly string[]): void => {
  const connection = new Sqlite(file)
  connection.pragma('ignore_check_constraints = ON')
  const triggers = connection
    .prepare<[], { name: string }>(
      "select name from sqlite_schema where name like 'events_refuse%'",
    )
    .all()
  for (const { name } of triggers) connection.exec(`drop trigger ${name}`)
  for (const statement of statements) connection.exec(statement)
  connection.close()
}

/** What somebody does who has the database; all that guards it is there. */
export const runSql = async (database: Database, sql: string): Promise<void> => {
  if (isPostgres) await runOnPostgres(placeOf(database), sql)
  else sqliteOf(database).connections.writer.exec(sql)
}

/** What somebody does who has the database and no manners: no trigger is in the way. */
export const byHand = async (database: Database, ...statements: string[]): Promise<void> => {
  const place = placeOf(database)
  if (isPostgres)
    await runOnPostgres(place, ['set session_replication_role = replica', ...statements].join(';'))
  else onSqlite(place, statements)
}

/** As if all nodes had been silent for so long: their signs of life are told by the server's time. */
export const silence = async (database: Database, clock: Clock, ms: number): Promise<void> => {
  if (isPostgres) await byHand(database, `update nodes set seen_at = seen_at - ${ms}`)
  else clock.at += ms
}

/** As if this installation had never had a key; the database is closed. */
export const forgetKey = async (database: Database): Promise<void> => {
  if (isPostgres) await byHand(database, "delete from meta where key = 'installation.key'")
  else rmSync(join(placeOf(database), '..', 'installation.key'))
}

/** Changes what the rows are kept in; on PostgreSQL no other test is given this database then. */
export const damage = async (database: Database, statement: string): Promise<void> => {
  damaged.add(placeOf(database))
  await runSql(database, statement)
}

/** Nothing can be written until the answer is called. */
export const refuseWrites = async (database: Database): Promise<() => Promise<void>> => {
  const { engine } = database
  if (engine.dialect === 'sqlite') {
    engine.connections.writer.pragma('query_only = on')
    return async () => void engine.connections.writer.pragma('query_only = off')
  }
  await damage(database, 'alter table __drizzle_migrations rename to hidden')
  return () => damage(database, 'alter table hidden rename to __drizzle_migrations')
}

/** What was to be made, or the reason why it was not, thrown. */
export const made = <T extends object>(
  result: T,
): Exclude<T, { refused: unknown } | { faults: unknown }> => {
  if ('refused' in result || 'faults' in result) throw new Error(JSON.stringify(result))
  return result as Exclude<T, { refused: unknown } | { faults: unknown }>
}

export const addAccount = async (database: Database, name = 'default'): Promise<Account> =>
  made(await transact(database, (tx) => createAccount(tx, { actor: systemActor, name })))

export const addUser = async (
  database: Database,
  accountId: string,
  user: Partial<NewUser> & { readonly username: string },
): Promise<UserRow> =>
  made(await transact(database, (tx) => createUser(tx, { actor: systemActor, accountId, ...user })))
