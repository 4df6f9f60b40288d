import { mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

const make = (folder: string): string | undefined => {
  try {
    mkdirSync(folder, { mode: 0o700 })
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST' && statSync(folder).isDirectory()) return undefined
    if (code === 'ENOENT') return code
    throw error
  }
}

/**
 * Makes a folder (0700) and those above it, where they are not there. Step by step, since Node's
 * own `recursive` never comes back from places such as /proc, where none can be made.
 */
export const makeFolder = (folder: string): void => {
  if (make(folder) === undefined) return
  const above = dirname(resolve(folder))
  if (above !== resolve(folder)) makeFolder(above)
  mkdirSync(folder, { mode: 0o700 })
}
