import { transact, type Database } from '../db/database.ts'
import { needsRehash, type Hashing } from '../db/hashing.ts'
import { setRehashed } from '../db/passwords.ts'
import { createCache } from './cache.ts'

/**
 * Makes the hash of a password that was right anew if it was made at another cost. Nobody waits for
 * it; what fails is tried at another right secret.
 */
export type Rehash = (userId: string, hash: string, secret: Uint8Array) => void

export type RehashDeps = {
  readonly database: Database
  readonly hashing: Pick<Hashing, 'hash'>
  readonly logFailure: (error: unknown) => void
}

/** Hashes that are under way or done: who is remembered with the old one comes again. */
const MOST_DONE = 10_000

export const createRehash = ({ database, hashing, logFailure }: RehashDeps): Rehash => {
  const done = createCache<string, true>(MOST_DONE)

  const renew = async (userId: string, from: string, secret: Uint8Array): Promise<void> => {
    const made = await hashing.hash(secret)
    if (made.outcome === 'overloaded') done.delete(from)
    else await transact(database, (tx) => setRehashed(tx, { userId, from, to: made.phc }))
  }

  return (userId, hash, secret) => {
    if (done.get(hash) !== undefined || !needsRehash(hash)) return
    done.set(hash, true)
    renew(userId, hash, secret).catch((error: unknown) => {
      done.delete(hash)
      logFailure(error)
    })
  }
}
