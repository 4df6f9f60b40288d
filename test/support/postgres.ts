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

const made = new Set<string>()
let free: string[] = []

/** One statement, or several, past the program. */
export const runOnPostgres = query

/** The URL of a new database with nothing in it; it is gone when the test file is over. */
export const emptyPostgres = async (more = "encoding 'UTF8'"): Promise<string> => {
  const name = `sallyport_test_${process.pid}_${randomBytes(4).toString('hex')}`
  await query(await serverUrl(), `create database ${name} template template0 ${more}`)
  made.add(name)
  await query(await serverUrl(), `alter database ${name} set synchronous_commit = off`)
  return inDatabase(await serverUrl(), name)
}

/** The URL of a database that may have been used before, and in which there is nothing but tables. */
export const takePostgres = async (): Promise<string> => free.pop() ?? (await emptyPostgres())

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

/** Makes ready for the next test what this one took and did not damage. */
export const returnPostgres = async (url: string): Promise<void> => {
  await query(url, wipe)
  free.push(url)
}

/** Drops the databases of this test file. */
export const dropPostgres = async (): Promise<void> => {
  free = []
  for (const name of made) {
    made.delete(name)
    await query(await serverUrl(), `drop database if exists ${name} with (force)`)
  }
}
