import { randomBytes } from 'node:crypto'
import pg from 'pg'

/** Where a server may be, when nothing says where it is: as Debian sets it up, or a container. */
const usual = ['postgres://postgres@127.0.0.1/postgres', 'postgres://root@127.0.0.1/postgres']

const query = async (url: string, text: string): Promise<pg.QueryArrayResult> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.query({ text, rowMode: 'array' })
  } finally {
    await client.end().catch(() => undefined)
  }
}

const findServer = async (): Promise<string | undefined> => {
  const named = process.env['POSTGRES_URL']
  for (const url of named === undefined ? usual : [named]) {
    const isThere = await query(url, 'select 1').then(
      () => true,
      () => false,
    )
    if (isThere) return url
  }
  if (process.env['REQUIRE_POSTGRES'] === '1') throw new Error('there is no PostgreSQL to test on')
  return undefined
}

let server: Promise<string | undefined> | undefined

/** The URL of a server on which databases may be made (as a superuser), or none. */
export const postgresServer = (): Promise<string | undefined> => (server ??= findServer())

const serverUrl = async (): Promise<string> => {
  const url = await postgresServer()
  if (url === undefined) throw new Error('there is no PostgreSQL to test on')
  return url
}

const inDatabase = (url: string, name: string): string => {
  const at = new URL(url)
  at.pathname = `/${name}`
  return at.href
}

/** One statement, or several, past the program. */
export const runOnPostgres = query

const create = async (name: string, more = "encoding 'UTF8'"): Promise<void> => {
  await query(await serverUrl(), `create database ${name} template template0 ${more}`)
  await query(await serverUrl(), `alter database ${name} set synchronous_commit = off`)
}

const drop = async (name: string): Promise<void> => {
  await query(await serverUrl(), `drop database if exists ${name} with (force)`)
}

const ofThisFile = new Set<string>()

/** The URL of a new database with nothing in it; it is gone after `dropPostgres`. */
export const emptyPostgres = async (more?: string): Promise<string> => {
  const name = `sallyport_test_${process.pid}_${randomBytes(4).toString('hex')}`
  ofThisFile.add(name)
  await create(name, more)
  return inDatabase(await serverUrl(), name)
}

/** Drops the empty databases of this test file. */
export const dropPostgres = async (): Promise<void> => {
  for (const name of ofThisFile) await drop(name)
  ofThisFile.clear()
}

const wipe = `
  select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid();
  do $$ declare it text; begin
    set local session_replication_role = replica;
    for it in select tablename from pg_tables
      where schemaname = current_schema() and tablename <> '__drizzle_migrations' loop
      execute format('delete from %I', it);
    end loop;
    for it in select sequencename from pg_sequences
      where schemaname = current_schema() and sequencename not like '%drizzle%' loop
      execute format('alter sequence %I restart', it);
    end loop;
  end $$`

/** What the databases of one run are called; its worker and a number follow. */
export const runPrefix = (run: number | string): string => `sallyport_test_run_${run}_`

const isUnknown = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && error.code === '3D000'

const free: string[] = []
let taken = 0

const nextName = (): string =>
  `${runPrefix(process.env['TEST_RUN'] ?? '')}${process.env['VITEST_POOL_ID'] ?? ''}_${++taken}`

/**
 * The URL of a database with tables and no rows. Those of a run are used again by test after test
 * and file after file, since to make and drop one takes longer than most tests.
 */
export const takePostgres = async (): Promise<string> => {
  const name = free.pop() ?? nextName()
  const url = inDatabase(await serverUrl(), name)
  await query(url, wipe).catch((error: unknown) => {
    if (isUnknown(error)) return create(name)
    throw error
  })
  return url
}

/** Gives it to the next test, or drops it when this one has damaged it. */
export const returnPostgres = async (url: string, isDamaged: boolean): Promise<void> => {
  const name = new URL(url).pathname.slice(1)
  if (isDamaged) await drop(name)
  free.push(name)
}

/** Drops what a run has left. */
export const dropRun = async (run: number | string): Promise<void> => {
  const url = await postgresServer()
  if (url === undefined) return
  const like = `${runPrefix(run)}%`.replaceAll('_', '\\_')
  const { rows } = await query(url, `select datname from pg_database where datname like '${like}'`)
  for (const [name] of rows) await drop(String(name))
}
