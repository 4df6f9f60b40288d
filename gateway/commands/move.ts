import { existsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { closeDatabase, openDatabase, type Database, type Place } from '../../db/database.ts'
import { adoptInstallationKey } from '../../db/keys.ts'
import { moveDirectory } from '../../db/move.ts'
import { databaseFileOf } from '../data-folder.ts'
import { answer, type Options, type Shell } from './shell.ts'

export type MoveOptions = Options & { readonly from?: string; readonly to?: string }

/** `postgres://…`, or a file or a data folder, with or without `sqlite:` before it. */
const placeOf = (text: string): Place => {
  if (/^postgres(ql)?:/.test(text)) return { url: text }
  const path = text.replace(/^sqlite:(\/\/)?/, '')
  const isFolder = existsSync(path) && statSync(path).isDirectory()
  return { file: isFolder ? databaseFileOf(path) : join(path) }
}

const openTarget = async (shell: Shell, place: Place, key: Buffer): Promise<Database> => {
  if ('file' in place) adoptInstallationKey(dirname(place.file), key, shell.system.random)
  return openDatabase({ ...place, ...shell.system })
}

const sum = (numbers: readonly number[]): number => numbers.reduce((one, other) => one + other, 0)

/** Moves a directory from one engine to the other; what it was moved from stays as it is. */
export const move = async (shell: Shell, options: MoveOptions): Promise<void> => {
  if (options.from === undefined || options.to === undefined)
    throw new Error('--from and --to are needed together')
  const source = placeOf(options.from)
  if ('file' in source && !existsSync(source.file))
    throw new Error(`--from ${source.file}: there is no database here`)
  const from = await openDatabase({ ...source, ...shell.system })
  try {
    const to = await openTarget(shell, placeOf(options.to), from.key)
    try {
      const { rows, audit } = await moveDirectory(from, to)
      const state = audit.ok
        ? 'unbroken'
        : `broken at row ${audit.firstBroken?.seq ?? 0}, as it was`
      await answer(shell, options, { rows, audit }, [
        `${sum(Object.values(rows))} rows were copied; the audit (${audit.rows} rows) is ${state}`,
      ])
    } finally {
      await closeDatabase(to)
    }
  } finally {
    await closeDatabase(from)
  }
}
