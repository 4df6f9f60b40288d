import { join } from 'node:path'
import { makeFolder } from '../db/folders.ts'

/** Where the database of a data folder is. */
export const databaseFileOf = (dataDir: string): string => join(dataDir, 'sallyport.db')

/** Makes the folder (0700) if it is not there. Throws one clear line. */
export const makeDataFolder = (dataDir: string): void => {
  try {
    makeFolder(dataDir)
  } catch (error) {
    throw new Error(`DATA_DIR ${dataDir}: the folder cannot be made or used`, { cause: error })
  }
}
