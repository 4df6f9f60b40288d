import { existsSync, statSync, writeFileSync } from 'node:fs'
import { copyFileSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { backupDatabase } from '../../db/backup.ts'
import { transact } from '../../db/database.ts'
import { appendEvent } from '../../db/events.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import {
  addAccount,
  addUser,
  sqliteOf,
  temporaryDatabase,
  temporaryFolder,
} from '../support/database.ts'

const withUser = async () => {
  const database = await temporaryDatabase()
  await addUser(database, (await addAccount(database)).id, { username: 'alice' })
  return { database, file: join(temporaryFolder(), 'backup.db') }
}

describe('a backup', () => {
  it('opens as the database that it was, for its owner alone', async () => {
    const { database, file } = await withUser()
    await backupDatabase(database, file)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    copyFileSync(
      join(dirname(sqliteOf(database).file), 'installation.key'),
      join(dirname(file), 'installation.key'),
    )
    const copy = await temporaryDatabase(undefined, file)
    expect(await findUserByName(copy, 'alice')).toEqual(await findUserByName(database, 'alice'))
    expect(await verifyEvents(copy)).toEqual({ ok: true, rows: 2 })
  })

  it('is of one moment while the database goes on being written', async () => {
    const { database, file } = await withUser()
    let isOver = false
    const writing = async (): Promise<void> => {
      while (!isOver) {
        await transact(database, async (tx) => {
          for (let turn = 0; turn < 20; turn++) {
            await appendEvent(tx, { action: 'test.busy', channel: 'system' })
          }
        })
        await new Promise(setImmediate)
      }
    }
    const busy = writing()
    await backupDatabase(database, file)
    isOver = true
    await busy
    copyFileSync(
      join(dirname(sqliteOf(database).file), 'installation.key'),
      join(dirname(file), 'installation.key'),
    )
    const copy = await temporaryDatabase(undefined, file)
    const { ok, rows } = await verifyEvents(copy)
    expect(ok).toBe(true)
    expect((rows - 2) % 20).toBe(0)
  })

  it('never takes the place of a file', async () => {
    const { database, file } = await withUser()
    writeFileSync(file, 'precious')
    await expect(backupDatabase(database, file)).rejects.toThrow(/exists already/)
    expect(statSync(file).size).toBe(8)
  })

  it('that cannot be written leaves nothing', async () => {
    const { database, file } = await withUser()
    const missing = join(dirname(file), 'missing', 'backup.db')
    await expect(backupDatabase(database, missing)).rejects.toThrow(/cannot write the backup/)
    expect(existsSync(missing)).toBe(false)
    mkdirSync(dirname(missing))
    await backupDatabase(database, missing)
  })
})
