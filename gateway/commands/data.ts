import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { backupDatabase } from '../../db/backup.ts'
import { closeDatabase, openDatabase, type Database } from '../../db/database.ts'
import { createHashing } from '../../db/hashing.ts'
import { readMigrations } from '../../db/migrate.ts'
import { hasUsers } from '../../db/users.ts'
import { databaseOf, makeDataFolder } from '../data-folder.ts'
import { ensureFirstAccount, makeFirstAdmin } from '../installation.ts'
import { move, type MoveOptions } from './move.ts'
import { readPassword } from './password.ts'
import { answer, settingsOf, withDatabase, type Options, type Shell } from './shell.ts'

const backup = (shell: Shell, file: string, options: Options): Promise<void> =>
  withDatabase(shell, options, async (database, { dataDir }) => {
    await backupDatabase(database, file)
    const { size } = statSync(file)
    await answer(shell, options, { file: resolve(file), bytes: size }, [
      `${file}: ${size} bytes; keep ${dataDir}/installation.key with it, which is not in it`,
    ])
  })

/** Opening it brings the schema up to date. */
const migrate = (shell: Shell, options: Options): Promise<void> =>
  withDatabase(shell, options, async ({ engine }) => {
    const steps = readMigrations(engine.dialect).length
    await answer(shell, options, { migrations: steps }, [
      `the database is up to date (${steps} migrations)`,
    ])
  })

type SetupOptions = Options & { readonly username: string; readonly email: string }

const setUpIn = async (shell: Shell, database: Database, options: SetupOptions): Promise<void> => {
  const exist = 'there are users already, so there is nothing to set up'
  if (await hasUsers(database)) throw new Error(exist)
  const account = await ensureFirstAccount(database)
  const { username, email } = options
  const admin = { username, email, password: await readPassword(shell) }
  const hashing = createHashing({ concurrency: 1 })
  const made = await makeFirstAdmin({ database, hashing }, account, admin)
  if (made.outcome === 'users-exist') throw new Error(exist)
  if (made.outcome === 'faulty')
    throw new Error(made.faults.map(({ path, message }) => `${path}: ${message}`).join('\n'))
  await answer(shell, options, { username }, [
    `${username} is Account admin and Platform operator of the account ${account.name}`,
  ])
}

/** For a fresh installation: a folder, an account, and its first admin. */
const setup = async (shell: Shell, options: SetupOptions): Promise<void> => {
  const settings = settingsOf(shell, options)
  makeDataFolder(settings.dataDir)
  const database = await openDatabase({ ...databaseOf(settings), ...shell.system })
  try {
    await setUpIn(shell, database, options)
  } finally {
    await closeDatabase(database)
  }
}

export const addDataCommands = (program: Command, shell: Shell): void => {
  program
    .command('setup')
    .description('make the first Account admin; the password is read from standard input')
    .requiredOption('--username <name>', 'how the admin signs in')
    .requiredOption('--email <address>', 'where mails to the admin go')
    .action((_, command: Command) => setup(shell, command.optsWithGlobals()))
  program
    .command('migrate')
    .description('bring the database up to date, or copy a directory into another database')
    .option('--from <place>', 'a file, a data folder or postgres://…; it stays as it is')
    .option('--to <place>', 'the same; it must be empty')
    .action((_, command: Command) => {
      const options: MoveOptions = command.optsWithGlobals()
      const isMove = options.from !== undefined || options.to !== undefined
      return isMove ? move(shell, options) : migrate(shell, options)
    })
  program
    .command('backup <file>')
    .description('copy the database, as it is at this moment, into a new file')
    .action((file: string, _, command: Command) => backup(shell, file, command.optsWithGlobals()))
}
