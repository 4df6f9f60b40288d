import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from './folders.ts'

const keyBytes = 32

/** What its file is called, and its row in `meta` where there is no file. */
export const keyName = 'installation.key'

/** The key as it is kept: 64 hexadecimal digits. */
export const parseKey = (text: string): Buffer | undefined =>
  /^[0-9a-f]{64}$/.test(text) ? Buffer.from(text, 'hex') : undefined

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT'

const findKey = (file: string): Buffer | undefined => {
  let text: string
  try {
    text = readFileSync(file, 'latin1').trim()
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new Error(`cannot read ${file}: the installation's key`, { cause: error })
  }
  const key = parseKey(text)
  if (key === undefined)
    throw new Error(`${file} is damaged: 64 hexadecimal digits were expected; nothing was changed`)
  return key
}

/** Written whole or not at all, and never over another process's key. */
const writeKey = (file: string, key: Buffer, suffix: string): void => {
  const draft = `${file}.${suffix}`
  const descriptor = openSync(draft, 'wx', 0o600)
  try {
    writeSync(descriptor, `${key.toString('hex')}\n`)
    fsyncSync(descriptor)
    linkSync(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    closeSync(descriptor)
    rmSync(draft, { force: true })
  }
}

/**
 * The installation's key: 32 random bytes in the data folder (0600), made at the first start. It is
 * kept out of the database, so that who holds only the database can neither forge nor guess by it.
 */
export const readInstallationKey = (folder: string, random: (bytes: number) => Buffer): Buffer => {
  const file = join(folder, keyName)
  const present = findKey(file)
  if (present !== undefined) return present
  writeKey(file, random(keyBytes), random(6).toString('hex'))
  const written = findKey(file)
  if (written === undefined) throw new Error(`cannot write ${file}: the installation's key`)
  return written
}

/** Puts an installation's key into a new folder; throws when there is another one. */
export const adoptInstallationKey = (
  folder: string,
  key: Buffer,
  random: (bytes: number) => Buffer,
): void => {
  const file = join(folder, keyName)
  makeFolder(folder)
  if (findKey(file) === undefined) writeKey(file, key, random(6).toString('hex'))
  if (findKey(file)?.equals(key) !== true)
    throw new Error(`${file} is the key of another installation; nothing was changed`)
}

/**
 * A key for one purpose; none of them leads to another or back (HKDF, RFC 5869). As a KeyObject,
 * since an HMAC with one takes a fifth of the time that it takes with bytes.
 */
export const deriveKey = (installationKey: Buffer, purpose: string): KeyObject =>
  createSecretKey(
    Buffer.from(hkdfSync('sha256', installationKey, '', `sallyport ${purpose}`, keyBytes)),
  )
