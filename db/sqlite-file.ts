import Sqlite from 'better-sqlite3'
import {
  chmodSync,
  closeSync,
  existsSync,
  linkSync,
  openSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Connections } from './engine.ts'
import { makeFolder } from './folders.ts'
import { migrate } from './migrate.ts'

/** `SPRT`: tells our files from other programs' (SQLite file format §1.3.14). */
const applicationId = 0x53505254

const magic = 'SQLite format 3\0'

/** A file up to this size is checked page by page at start; a larger one would take too long. */
const wholeCheckBytes = 16 * 1024 * 1024

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

/** A new file appears whole: empty files never count as new ones, since they may be damage. */
const createFile = (file: string, suffix: string): void => {
  const draft = `${file}.${suffix}`
  closeSync(openSync(draft, 'wx', 0o600))
  try {
    const connection = new Sqlite(draft)
    connection.pragma(`application_id = ${applicationId}`)
    connection.pragma('journal_mode = WAL')
    connection.close()
    linkSync(draft, file)
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error
  } finally {
    for (const end of ['', '-wal', '-shm', '-journal']) rmSync(draft + end, { force: true })
  }
}

const assertHeader = (file: string): void => {
  const header = Buffer.alloc(100)
  const descriptor = openSync(file, 'r')
  const length = readSync(descriptor, header, 0, 100, 0)
  closeSync(descriptor)
  if (length < 100 || header.toString('latin1', 0, 16) !== magic) throw new Error('not a database')
  if (header.readUInt32BE(68) !== applicationId) throw new Error('not a database of Sallyport')
}

const hasLog = (file: string): boolean =>
  existsSync(`${file}-wal`) && statSync(`${file}-wal`).size > 0

/** Whole for small files; for large ones what would be noticed late otherwise: a missing end. */
const assertSound = (connection: Sqlite.Database, file: string): void => {
  if (statSync(file).size <= wholeCheckBytes) {
    const found = String(connection.pragma('quick_check(1)', { simple: true }))
    if (found === 'ok') return
    const [what = ''] = found.split('\n').filter((line) => !line.startsWith('***'))
    throw new Error(`it is damaged (${what})`)
  }
  const pages = Number(connection.pragma('page_count', { simple: true }))
  const pageSize = Number(connection.pragma('page_size', { simple: true }))
  if (!hasLog(file) && pages * pageSize > statSync(file).size) throw new Error('its end is missing')
  const tables = connection
    .prepare<[], { name: string }>("select name from sqlite_schema where type = 'table'")
    .all()
  for (const { name } of tables) connection.prepare(`select * from "${name}" limit 1`).get()
}

/** The time that a connection may wait inside a call, in ms: short, since all the rest waits too. */
const waitMs = { opening: 5000, reading: 250, writing: 5 }

/**
 * Where there is a log it is looked at by a connection that cannot write: any other would bring the
 * log into the damaged file as it closes. (Where there is none, this one would leave one behind.)
 */
const look = (file: string): void => {
  assertHeader(file)
  const onlooker = new Sqlite(file, { readonly: hasLog(file), timeout: waitMs.opening })
  try {
    assertSound(onlooker, file)
  } finally {
    onlooker.close()
  }
}

const open = (file: string): Connections => {
  look(file)
  const writer = new Sqlite(file, { fileMustExist: true, timeout: waitMs.opening })
  try {
    writer.pragma('journal_mode = WAL')
    writer.pragma('synchronous = NORMAL')
    writer.pragma('foreign_keys = ON')
    writer.pragma('trusted_schema = OFF')
    migrate(writer)
    writer.pragma(`busy_timeout = ${waitMs.writing}`)
    const reader = new Sqlite(file, { readonly: true, timeout: waitMs.reading })
    return { reader, writer }
  } catch (error) {
    writer.close()
    throw error
  }
}

const why = (error: unknown): string => {
  if (hasCode(error, 'EACCES') || hasCode(error, 'EPERM')) return 'permission denied'
  if (hasCode(error, 'SQLITE_CORRUPT')) return 'it is damaged (database disk image is malformed)'
  if (hasCode(error, 'SQLITE_NOTADB')) return 'it is damaged (not a database)'
  return error instanceof Error ? error.message : String(error)
}

/**
 * Opens the file with one connection that reads and one that writes, making and migrating it where
 * needed. Throws an Error of one line that names the file; what was there is left as it was.
 */
export const openConnections = (file: string, suffix: string): Connections => {
  try {
    makeFolder(dirname(file))
    if (!existsSync(file)) createFile(file, suffix)
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600)
    return open(file)
  } catch (error) {
    throw new Error(`cannot open the database ${file}: ${why(error)}; nothing was changed`, {
      cause: error,
    })
  }
}
