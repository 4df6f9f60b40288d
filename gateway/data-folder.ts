import { join } from 'node:path'
import type { Place } from '../db/database.ts'
import { makeFolder } from '../db/folders.ts'
import type { Settings } from './settings-value.ts'

/** Where the database of a data folder is. */
export const databaseFileOf = (dataDir: string): string => join(dataDir, 'sallyport.db')

/** Where the directory is: on the server that is named, else in the data folder. */
export const databaseOf = ({ databaseUrl, dataDir }: Settings): Place =>
  databaseUrl === undefined ? { file: databaseFileOf(dataDir) } : { url: databaseUrl }

/** Makes the folder (0700) if it is not there. Throws one clear line. */
export const makeDataFolder = (dataDir: string): void => {
  try {
    makeFolder(dataDir)
  } catch (error) {
    throw new Error(`DATA_DIR ${dataDir}: the folder cannot be made or used`, { cause: error })
  }
}
