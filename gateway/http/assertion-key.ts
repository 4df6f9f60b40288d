import { readFile, rm } from 'node:fs/promises'
import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from 'jose'
import { transact, type Database } from '../../db/database.ts'
import { findMeta, setMeta } from '../../db/meta.ts'
import { openSealed, seal } from '../../db/sealing.ts'
import type { Random } from '../../db/secrets.ts'

export const ALGORITHM = 'ES256'

/** Its row in `meta`, where it lies sealed. */
const NAME = 'assertion.key'
const PURPOSE = 'key of signed assertions'

export type AssertionKey = { readonly key: CryptoKey; readonly jwk: JWK }

const readJwk = async (text: string, from: string): Promise<AssertionKey> => {
  try {
    const jwk = JSON.parse(text) as JWK
    return { key: (await importJWK(jwk, ALGORITHM)) as CryptoKey, jwk }
  } catch (error) {
    throw new Error(`${from} is damaged: a private key (JWK, ES256) was expected`, { cause: error })
  }
}

const findOld = async (file: string): Promise<string | undefined> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new Error(`cannot read ${file}: the key of signed assertions`, { cause: error })
  })
  if (text !== undefined) await readJwk(text, file)
  return text
}

const makeNew = async (): Promise<string> => {
  const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
  return JSON.stringify(await exportJWK(privateKey))
}

/** What the directory holds is everybody's; else this one is put there, unless another was quicker. */
const keep = (database: Database, text: string, random: Random): Promise<string> =>
  transact(database, async (tx) => {
    const present = await findMeta(tx, NAME)
    if (present !== undefined) return present
    const sealed = seal({ key: tx.key, purpose: PURPOSE, text, random })
    await setMeta(tx, NAME, sealed)
    return sealed
  })

/**
 * The key that signs, one for all nodes of a directory; made by the first of them, or taken over
 * from the file in which older versions had it. Throws an Error that names what cannot be read.
 */
export const readAssertionKey = async (
  database: Database,
  oldFile: string,
  random: Random,
): Promise<AssertionKey> => {
  const present = await findMeta(database, NAME)
  const make = async (): Promise<string> => (await findOld(oldFile)) ?? (await makeNew())
  const sealed = present ?? (await keep(database, await make(), random))
  const text = openSealed({ key: database.key, purpose: PURPOSE, sealed })
  if (text === undefined)
    throw new Error(`${NAME} in the database is damaged, or sealed with another installation's key`)
  const read = await readJwk(text, `${NAME} in the database`)
  await rm(oldFile, { force: true })
  return read
}
