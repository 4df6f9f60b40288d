import Sqlite from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { readerOf, type Database, type Place, type Queries, type Reader } from './database.ts'

/** What another thread needs to open a snapshot; it can be posted. */
export type SnapshotOf = {
  readonly place: Place
  readonly key: Uint8Array
  /** Ms since the epoch. */
  readonly now: number
}

export type Snapshot = { readonly reader: Reader; readonly close: () => Promise<void> }

type Opened = { readonly queries: Queries; readonly close: () => Promise<void> }

const openFile = async (file: string): Promise<Opened> => {
  const connection = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: 1_000 })
  // It is the first read that takes the snapshot.
  connection.exec('begin; select count(*) from meta')
  return { queries: drizzle(connection), close: async () => void connection.close() }
}

/** PostgreSQL is read from the disk only when it is asked for. */
const openServer = async (url: string): Promise<Opened> => {
  const [{ default: pg }, { createQueries }] = await Promise.all([
    import('pg'),
    import('./postgres-queries.ts'),
  ])
  const client = new pg.Client({ connectionString: url, fallback_application_name: 'sallyport' })
  // The next query tells of it.
  client.on('error', () => undefined)
  await client.connect()
  await client.query('begin isolation level repeatable read read only; select 1')
  return {
    queries: createQueries((statement) => client.query(statement)),
    close: () => client.end(),
  }
}

export const snapshotOf = ({ engine, key, now }: Database): SnapshotOf => ({
  place: engine.dialect === 'sqlite' ? { file: engine.file } : { url: engine.url },
  key,
  now: now(),
})

/**
 * The database as it is at this moment, on a connection of its own that is for one thread and one
 * long read. While it is open the log of an SQLite file grows: it is to be closed in any case.
 */
export const openSnapshot = async ({ place, key, now }: SnapshotOf): Promise<Snapshot> => {
  const { queries, close } =
    'file' in place ? await openFile(place.file) : await openServer(place.url)
  const dialect = 'file' in place ? 'sqlite' : 'postgres'
  return { reader: readerOf(queries, { dialect, key: Buffer.from(key), now: () => now }), close }
}
