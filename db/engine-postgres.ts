import pg from 'pg'
import type { PostgresEngine } from './engine.ts'
import { migratePostgres } from './migrate-postgres.ts'
import {
  CommitUnknown,
  isLost,
  isOutage,
  isRolledBack,
  isUnsent,
  retryAfter,
} from './postgres-failures.ts'
import { createQueries, type RunStatement } from './postgres-queries.ts'
import { withoutPassword } from './postgres-url.ts'

/**
 * Ms. The server's own ends come first; those of this side are for a server that is not heard. Who
 * stands still in a transaction is thrown out long before those who wait for it give up.
 */
const limits = {
  connect: 2_000,
  read: { statement: 2_000, answer: 2_500 },
  write: { statement: 4_000, idle: 4_000, answer: 4_500 },
  turn: { lock: 10_000, answer: 11_000 },
}

const mostReaders = 4

const shared = (url: string): pg.PoolConfig => ({
  connectionString: url,
  fallback_application_name: 'sallyport',
  connectionTimeoutMillis: limits.connect,
  keepAlive: true,
  keepAliveInitialDelayMillis: 10_000,
})

/** A statement for which this side waits as long as told: pg knows it, and its types do not. */
const within = (text: string, ms: number): pg.QueryConfig =>
  Object.assign({ text }, { query_timeout: ms })

/** The next query tells of it. */
const ignore = (): void => undefined

/** No text in PostgreSQL holds a NUL, so that who looks for one finds nothing rather than a fault. */
const withoutNul = (value: unknown): unknown =>
  typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value

const createReaders = (url: string) => {
  const set = `set default_transaction_read_only = on; set statement_timeout = ${limits.read.statement}`
  /** Awaited by pg, and its types do not know. */
  const onConnect = (client: pg.ClientBase) => client.query(set)
  const config = { ...shared(url), max: mostReaders, query_timeout: limits.read.answer }
  const pool = new pg.Pool(Object.assign(config, { onConnect }))
  pool.on('error', ignore)
  const read: RunStatement = async (statement) => {
    try {
      return await pool.query(statement)
    } catch (error) {
      // It may have been the connection alone; a second one tells.
      if (isLost(error)) return pool.query(statement)
      throw error
    }
  }
  const reading = new Set<Promise<unknown>>()
  const run: RunStatement = async ({ values = [], ...statement }) => {
    const answer = read({ ...statement, values: (values as unknown[]).map(withoutNul) })
    reading.add(answer)
    return answer.finally(() => reading.delete(answer))
  }
  /** What waits for a connection when a pool ends would wait for ever. */
  const close = async (): Promise<void> => {
    await Promise.allSettled(reading)
    await pool.end()
  }
  return { run, close }
}

/**
 * The table that every migrated database has and that nothing else writes is what the writers of
 * all nodes wait for. It is locked before the first query, so that the snapshot is taken after the
 * wait: a transaction sees all that was committed before its turn, and never has to give way to
 * another node's. Serializable guards against writers that are none of ours.
 */
const taking = `set local statement_timeout = 0;
  lock table __drizzle_migrations in exclusive mode;
  set local statement_timeout = ${limits.write.statement}`

/** Apart from the lock, for which one may have to wait: a server that is not heard shows at once. */
const beginning = `begin isolation level serializable;
  set local lock_timeout = ${limits.turn.lock};
  set local idle_in_transaction_session_timeout = ${limits.write.idle}`

/** One connection, since there is one writer; made when it is needed, and anew when it was lost. */
const createWriter = (url: string) => {
  const pool = new pg.Pool({ ...shared(url), max: 1, query_timeout: limits.write.answer })
  pool.on('error', ignore)
  /** The open transaction; the connection of one may be that of the next. */
  let current: { readonly client: pg.PoolClient } | undefined

  const release = (client: pg.PoolClient, isBroken: boolean): void => {
    current = undefined
    client.off('error', ignore)
    client.release(isBroken)
  }
  const open = (): pg.PoolClient => {
    if (current === undefined) throw new Error('the transaction has ended')
    return current.client
  }
  let last: Promise<unknown> = Promise.resolve()
  /** One after the other, as pg wants it; what is still to come when the transaction ends fails. */
  const run: RunStatement = (statement) => {
    const transaction = current
    const answer = last.then(() => {
      if (transaction !== current) throw new Error('the transaction has ended')
      return open().query(statement)
    })
    last = answer.catch(ignore)
    return answer
  }

  const begin = async (): Promise<void> => {
    const client = await pool.connect()
    client.on('error', ignore)
    try {
      await client.query(within(beginning, limits.connect))
      await client.query(within(taking, limits.turn.answer))
      current = { client }
    } catch (error) {
      release(client, true)
      throw error
    }
  }
  const commit = async (): Promise<void> => {
    const client = open()
    let answer: pg.QueryResult
    try {
      answer = await client.query('commit')
    } catch (error) {
      release(client, true)
      throw isRolledBack(error) || isUnsent(error) ? error : new CommitUnknown(error)
    }
    release(client, false)
    // So it answers a commit when a statement has failed, whoever caught that.
    if (answer.command !== 'COMMIT')
      throw new Error('nothing was committed: a statement of the transaction failed')
  }
  const end = async (): Promise<void> => {
    if (current === undefined) return
    const { client } = current
    try {
      await client.query(within('rollback', 1_000))
      release(client, false)
    } catch {
      release(client, true)
    }
  }
  const continueNumbers: PostgresEngine['continueNumbers'] = async (columns) => {
    for (const [table, column] of columns)
      await open().query(
        `select setval(pg_get_serial_sequence('${table}', '${column}'), max(${column})) from ${table}`,
      )
  }
  return { pool, run, begin, commit, end, continueNumbers }
}

const why = (error: unknown): string => {
  if (error instanceof AggregateError && error.message === '') return why(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

/**
 * Opens (migrates) a database on a server. Throws an Error of one line that names it, without the
 * password. Nothing is kept on this machine.
 */
export const openPostgres = async (
  url: string,
  random: (bytes: number) => Buffer,
): Promise<{ readonly engine: PostgresEngine; readonly key: Buffer }> => {
  try {
    const key = await migratePostgres({ ...shared(url), query_timeout: 60_000 }, random)
    const readers = createReaders(url)
    const { pool, run, ...writer } = createWriter(url)
    const reader = createQueries(readers.run)
    const engine: PostgresEngine = {
      dialect: 'postgres',
      url,
      reader,
      aside: reader,
      writer: createQueries(run),
      ...writer,
      retryAfter: (error, tries) => retryAfter(error, tries, random(1).readUInt8() / 255),
      isOutage,
      close: async () => {
        await Promise.all([readers.close(), pool.end()])
      },
    }
    return { engine, key }
  } catch (error) {
    throw new Error(`cannot open the database ${withoutPassword(url)}: ${why(error)}`, {
      cause: error,
    })
  }
}
