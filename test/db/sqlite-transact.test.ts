import Sqlite from 'better-sqlite3'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { verifyEvents } from '../../db/chain-verification.ts'
import { transact } from '../../db/database.ts'
import { readMigrations } from '../../db/migrate.ts'
import { systemActor } from '../../db/record.ts'
import { countUsers, createUser } from '../../db/users.ts'
import { ended, startChild } from '../support/child.ts'
import {
  addAccount,
  addUser,
  sqliteOf,
  temporaryDatabase,
  temporaryFolder,
} from '../support/database.ts'

/** `SPRT`, as in the header of every file of ours. */
const applicationId = 0x53505254

describe('a transaction on a file', () => {
  it('leaves nothing half written on a full disk, and reading goes on', async () => {
    const database = await temporaryDatabase()
    const { id } = await addAccount(database)
    const { writer } = sqliteOf(database).connections
    writer.pragma(`max_page_count = ${String(writer.pragma('page_count', { simple: true }))}`)
    const users = Array.from({ length: 500 }, (_, index) => `user-${index}`)
    const adding = transact(database, async (tx) => {
      for (const username of users) {
        await createUser(tx, { actor: systemActor, accountId: id, username })
      }
    })
    await expect(adding).rejects.toThrow(/full/)
    expect(await countUsers(database)).toBe(0)
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 1 })
    writer.pragma('max_page_count = 1000000')
    await addUser(database, id, { username: 'alice' })
    expect(await countUsers(database)).toBe(1)
  })

  it('may be killed in the middle of a migration: the next one finishes it', async () => {
    const file = join(temporaryFolder(), 'sallyport.db')
    const connection = new Sqlite(file)
    connection.pragma(`application_id = ${applicationId}`)
    expect(await ended(startChild(file, 'dieInMigration'))).toBe('SIGKILL')
    const applied = connection.prepare('select count(*) from __drizzle_migrations').pluck()
    const { length } = readMigrations()
    expect(applied.get()).toBe(length - 1)
    const database = await temporaryDatabase(undefined, file)
    expect(applied.get()).toBe(length)
    connection.close()
    await addAccount(database)
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 1 })
  })
})
