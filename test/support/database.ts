import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createAccount, type Account } from '../../db/accounts.ts'
import { closeDatabase, openDatabase, transact, type Database } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { createUser, type NewUser } from '../../db/users.ts'

/** A folder that is gone when the test is over. */
export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-test-'))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

export type Clock = { at: number }

/** 2027-01-15, at the beginning of a minute. */
export const someTime = Date.UTC(2027, 0, 15, 8)

/** A database in a file of its own, with a clock that stands still. */
export const temporaryDatabase = async (
  clock: Clock = { at: someTime },
  file = join(temporaryFolder(), 'sallyport.db'),
): Promise<Database> => {
  const database = await openDatabase({ file, now: () => clock.at, random: randomBytes })
  onTestFinished(() => closeDatabase(database).catch(() => undefined))
  return database
}

/** What was to be made, or the reason why it was not, thrown. */
export const made = <T extends object>(
  result: T,
): Exclude<T, { refused: unknown } | { faults: unknown }> => {
  if ('refused' in result || 'faults' in result) throw new Error(JSON.stringify(result))
  return result as Exclude<T, { refused: unknown } | { faults: unknown }>
}

export const addAccount = async (database: Database, name = 'default'): Promise<Account> =>
  made(await transact(database, (tx) => createAccount(tx, { actor: systemActor, name })))

export const addUser = async (
  database: Database,
  accountId: string,
  user: Partial<NewUser> & { readonly username: string },
): Promise<UserRow> =>
  made(await transact(database, (tx) => createUser(tx, { actor: systemActor, accountId, ...user })))
