import Sqlite from 'better-sqlite3'
import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import type { Database } from './database.ts'

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'its folder is not there',
  ENOTDIR: 'its folder is none',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the disk is read-only',
  ENOSPC: 'the disk is full',
  SQLITE_FULL: 'the disk is full',
}

const why = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  return ('code' in error ? reasons[String(error.code)] : undefined) ?? error.message
}

/**
 * Copies the database, as it is at this moment, into a new file (0600) while it goes on being
 * written. Throws when the file exists. The installation's key is not in it: keep that beside it.
 */
export const backupDatabase = async ({ engine, newId }: Database, file: string): Promise<void> => {
  if (engine.dialect !== 'sqlite')
    throw new Error('the directory is on PostgreSQL: back it up with pg_dump; nothing was written')
  if (existsSync(file)) throw new Error(`${file} exists already; nothing was written`)
  const draft = `${file}.${newId()}`
  const source = new Sqlite(engine.file, { readonly: true, fileMustExist: true })
  try {
    closeSync(openSync(draft, 'wx', 0o600))
    // An open read transaction: the copy is of one moment, and no write makes it start again.
    source.exec('begin')
    source.prepare('select count(*) from sqlite_schema').get()
    await source.backup(draft)
    renameSync(draft, file)
  } catch (error) {
    rmSync(draft, { force: true })
    throw new Error(`cannot write the backup ${file}: ${why(error)}`, { cause: error })
  } finally {
    source.close()
  }
}
