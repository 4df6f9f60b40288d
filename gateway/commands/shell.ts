import { existsSync, readFileSync } from 'node:fs'
import { closeDatabase, openDatabase, type Database } from '../../db/database.ts'
import type { Actor } from '../../db/record.ts'
import { databaseOf } from '../data-folder.ts'
import { readSettings, type SettingsFile } from '../settings.ts'
import type { Settings } from '../settings-value.ts'
import type { System } from '../system.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** What a command works with. What it throws is one clear line, and the process ends with 1. */
export type Shell = {
  readonly environment: Environment
  readonly system: System
  readonly input: NodeJS.ReadStream
  /** Standard output: what was asked for. Resolves when it is written. */
  readonly print: (text: string) => Promise<void>
  /** Standard error: words for a person. */
  readonly say: (lines: readonly string[]) => void
}

/** Options of every command. */
export type Options = { readonly config?: string; readonly json?: true }

/** The audit says that it was done here, by whoever may read the data folder. */
export const cliActor: Actor = Object.freeze({ channel: 'cli' })

export const lineOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error)

const settingsFile = (
  named: 'SALLYPORT_CONFIG' | '--config',
  path: string | undefined,
): SettingsFile | undefined => {
  if (path === undefined || path === '') return undefined
  try {
    return { path, text: readFileSync(path, 'utf8') }
  } catch (error) {
    throw new Error(`${named} ${path}: ${lineOf(error)}`, { cause: error })
  }
}

/** The file of settings, if one is named. Throws one clear line when it cannot be read. */
export const findSettingsFile = (
  { environment }: Shell,
  { config }: Options,
): SettingsFile | undefined =>
  config === undefined
    ? settingsFile('SALLYPORT_CONFIG', environment['SALLYPORT_CONFIG'])
    : settingsFile('--config', config)

/** Throws an Error with a line for each fault. */
export const settingsOf = (
  shell: Shell,
  options: Options,
  file = findSettingsFile(shell, options),
  workers = 1,
): Settings => {
  const read = readSettings(shell.environment, file, workers)
  if ('settings' in read) return read.settings
  throw new Error(read.faults.map(({ name, message }) => `${name}: ${message}`).join('\n'))
}

/**
 * Opens the database that the settings name. One in a data folder must be there: a wrong folder is
 * never filled.
 */
export const withDatabase = async <T>(
  shell: Shell,
  options: Options,
  work: (database: Database, settings: Settings) => Promise<T>,
): Promise<T> => {
  const settings = settingsOf(shell, options)
  const place = databaseOf(settings)
  if ('file' in place && !existsSync(place.file))
    throw new Error(
      `DATA_DIR ${settings.dataDir}: there is no database here; name another folder, or start the gateway once`,
    )
  const database = await openDatabase({ ...place, ...shell.system })
  try {
    return await work(database, settings)
  } finally {
    await closeDatabase(database)
  }
}

/** One JSON line for machines, lines for a person otherwise. */
export const answer = (
  { print }: Shell,
  { json }: Options,
  value: unknown,
  lines: readonly string[],
): Promise<void> => print(json === true ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`)

/** An instant for people and machines (RFC 3339); null for never. */
export const timeOf = (at: number): string | null =>
  Number.isFinite(at) ? new Date(at).toISOString() : null
