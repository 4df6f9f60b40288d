import type Sqlite from 'better-sqlite3'
import { drizzle } from 'drizzle-orm/better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createAside } from './aside.ts'
import type { SqliteEngine } from './engine.ts'
import { readInstallationKey } from './keys.ts'
import { openConnections } from './sqlite-file.ts'

const busyTries = 250
const busyWaitMs = 20

/** Another process may be writing: waits for it without blocking this one, up to about 5 s. */
const begin = async (writer: Sqlite.Database): Promise<void> => {
  for (let tries = 1; ; tries++) {
    try {
      writer.exec('begin immediate')
      return
    } catch (error) {
      const isBusy = error instanceof Error && 'code' in error && error.code === 'SQLITE_BUSY'
      if (!isBusy || tries >= busyTries) throw error
    }
    await wait(busyWaitMs)
  }
}

/** Somebody else writes, the disk is full, the file cannot be read or written, or it is closed. */
const outages = /^SQLITE_(BUSY|LOCKED|FULL|READONLY|IOERR|CANTOPEN)/
const outageWords =
  /^The database connection is not open|^too many long reads|^a read took longer|^the database is closed/

const createEngine = (file: string, suffix: string, forget: () => void): SqliteEngine => {
  const connections = openConnections(file, suffix)
  const { reader, writer } = connections
  const aside = createAside(file)
  return {
    dialect: 'sqlite',
    file,
    connections,
    reader: drizzle(reader),
    aside: aside.queries,
    writer: drizzle(writer),
    begin: () => begin(writer),
    commit: async () => {
      writer.exec('commit')
    },
    end: async () => {
      if (writer.inTransaction) writer.exec('rollback')
    },
    retryAfter: () => undefined,
    isOutage: (error) =>
      outages.test('code' in error ? String(error.code) : '') || outageWords.test(error.message),
    // It goes by the highest number itself.
    continueNumbers: () => Promise.resolve(),
    close: async () => {
      await aside.close()
      reader.close()
      writer.close()
      forget()
    },
  }
}

/**
 * Opens (makes, migrates) a file, with the installation's key beside it; `:memory:` is a file of
 * its own in the temporary folder, removed on closing. Throws one clear line.
 */
export const openSqlite = async (
  file: string,
  random: (bytes: number) => Buffer,
): Promise<{ readonly engine: SqliteEngine; readonly key: Buffer }> => {
  const isTemporary = file === ':memory:'
  const folder = isTemporary ? mkdtempSync(join(tmpdir(), 'sallyport-')) : dirname(file)
  const path = isTemporary ? join(folder, 'sallyport.db') : file
  const forget = (): void => {
    if (isTemporary) rmSync(folder, { recursive: true, force: true })
  }
  let engine: SqliteEngine | undefined
  try {
    engine = createEngine(path, random(6).toString('hex'), forget)
    return { engine, key: readInstallationKey(folder, random) }
  } catch (error) {
    await engine?.close()
    forget()
    throw error
  }
}
