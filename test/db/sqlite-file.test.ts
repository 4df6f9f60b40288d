import Sqlite from 'better-sqlite3'
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { closeDatabase } from '../../db/database.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import { ended, startChild } from '../support/child.ts'
import {
  addAccount,
  addUser,
  sqliteOf,
  temporaryDatabase,
  temporaryFolder,
} from '../support/database.ts'

/** A file with an account and a user in it, closed. */
const writtenFile = async (): Promise<string> => {
  const database = await temporaryDatabase()
  const { id } = await addAccount(database)
  await addUser(database, id, { username: 'alice' })
  await closeDatabase(database)
  return sqliteOf(database).file
}

describe('a file', () => {
  it('is made for its owner alone, with its key beside it', async () => {
    const { file } = sqliteOf(await temporaryDatabase())
    for (const name of [file, `${file}-wal`, join(file, '..', 'installation.key')]) {
      expect(statSync(name).mode & 0o777, name).toBe(0o600)
    }
  })

  it('keeps its rows and its key when opened again', async () => {
    const file = await writtenFile()
    const database = await temporaryDatabase(undefined, file)
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 2 })
    const again = await temporaryDatabase(undefined, file)
    expect(again.key).toEqual(database.key)
  })

  it('is made once by processes that start together', async () => {
    const file = join(temporaryFolder(), 'sallyport.db')
    const children = [1, 2, 3, 4].map(() => startChild(file, 'open'))
    expect(await Promise.all(children.map(ended))).toEqual([0, 0, 0, 0])
  })

  it('goes with the database when it is a temporary one', async () => {
    const database = await temporaryDatabase(undefined, ':memory:')
    await addAccount(database)
    await closeDatabase(database)
    expect(() => statSync(sqliteOf(database).file)).toThrow()
  })
})

describe('a file that cannot be used', () => {
  const rows: readonly (readonly [what: string, why: RegExp, damage: (file: string) => void])[] = [
    [
      'empty',
      /not a database/,
      (file) => {
        truncateSync(file, 0)
      },
    ],
    [
      'text',
      /not a database/,
      (file) => {
        writeFileSync(file, 'hello\n'.repeat(99))
      },
    ],
    [
      'cut off',
      /it is damaged/,
      (file) => {
        truncateSync(file, 8192)
      },
    ],
    [
      'overwritten in the middle',
      /it is damaged \(/,
      (file) => {
        const bytes = readFileSync(file)
        bytes.fill(0xa5, 4096 * 3, 4096 * 9)
        writeFileSync(file, bytes)
      },
    ],
    [
      "another program's",
      /not a database of Sallyport/,
      (file) => {
        const bytes = readFileSync(file)
        bytes.fill(0, 68, 72)
        writeFileSync(file, bytes)
      },
    ],
    [
      "a newer version's",
      /newer version/,
      (file) => {
        const connection = new Sqlite(file)
        connection.exec("insert into __drizzle_migrations (hash, created_at) values ('x', 1)")
        connection.pragma('journal_mode = delete')
        connection.pragma('journal_mode = wal')
        connection.close()
      },
    ],
  ]
  it.each(rows)(
    'is refused in one line when it is %s, and left as it is',
    async (_, why, damage) => {
      const file = await writtenFile()
      damage(file)
      const before = readFileSync(file)
      const opening = temporaryDatabase(undefined, file)
      await expect(opening).rejects.toThrow(why)
      await expect(opening).rejects.toThrow(file)
      await expect(opening).rejects.toThrow(/^[^\n]*nothing was changed$/)
      expect(readFileSync(file).equals(before)).toBe(true)
    },
  )

  it('is refused when its folder cannot be', async () => {
    const folder = temporaryFolder()
    writeFileSync(join(folder, 'file'), '')
    const opening = temporaryDatabase(undefined, join(folder, 'file', 'sallyport.db'))
    await expect(opening).rejects.toThrow(/^cannot open the database [^\n]*$/)
  })

  it('is refused when its key is damaged', async () => {
    const file = await writtenFile()
    writeFileSync(join(file, '..', 'installation.key'), 'short\n')
    await expect(temporaryDatabase(undefined, file)).rejects.toThrow(/installation\.key is damaged/)
  })
})
