import type { Change } from '../db/changes.ts'
import { findApiKey, type FoundKey } from '../db/api-keys.ts'
import type { BucketLock } from '../db/attempts.ts'
import type { Database } from '../db/database.ts'
import { findPrincipal, findPrincipalById, type Principal } from '../db/principals.ts'
import type { Fingerprints } from '../db/secrets.ts'
import { foldUsername } from '../policies/names.ts'
import { createCache } from './cache.ts'

/** A user in memory: what the database knew, and the name of its counters. */
export type Resident = Principal & {
  readonly userKey: string
  /** Where this user succeeded, as of now: by source group, ms since the epoch. */
  readonly knownSources: Map<string, number>
  /** The buckets of which a lock is written down, in force or over. */
  readonly lockedBefore: ReadonlySet<string>
}

/** The users and keys that were asked for lately, kept true by the news of changes. */
export type Directory = {
  /** By folded username, if in memory. */
  readonly peek: (name: string) => Resident | undefined
  readonly find: (name: string) => Promise<Resident | undefined>
  readonly findById: (id: string) => Promise<Resident | undefined>
  /** By the digest of a key's secret. */
  readonly findKey: (digest: string) => Promise<FoundKey | undefined>
  /** Forgets what a change concerns; what is being read meanwhile is read again. */
  readonly drop: (change: Change) => void
  /** This user succeeded from that source group just now. */
  readonly succeeded: (userId: string, group: string, now: number) => void
  readonly size: () => number
}

export type DirectoryDeps = {
  readonly database: Database
  readonly fingerprints: Fingerprints
  readonly most: number
  /** A stored row cannot be read; that user is refused, and somebody must be told. */
  readonly onBroken: (username: string, why: string) => void
  /** Hands written locks to the counters, so that they hold after a restart. */
  readonly restore: (lock: BucketLock) => Promise<void>
}

const manyTries = 5

export const createDirectory = (deps: DirectoryDeps): Directory => {
  const { database, fingerprints } = deps
  const byName = createCache<string, Resident>(deps.most)
  const byId = createCache<string, Resident>(deps.most)
  const keys = createCache<string, FoundKey>(deps.most)
  const restored = createCache<string, true>(deps.most)
  const loading = new Map<string, Promise<Resident | undefined>>()
  let newest = 0

  const take = async (principal: Principal): Promise<Resident> => {
    const { user, broken, knownSources, writtenLocks } = principal
    const userKey = fingerprints.userKey({ userId: user.id })
    if (broken !== undefined) deps.onBroken(user.username, broken)
    for (const lock of writtenLocks) {
      const known = `${userKey} ${lock.bucket} ${lock.lockedAt}`
      if (restored.get(known) !== undefined) continue
      await deps.restore({ ...lock, userKey })
      restored.set(known, true)
    }
    const lockedBefore = new Set(writtenLocks.map(({ bucket }) => bucket))
    return { ...principal, userKey, knownSources: new Map(knownSources), lockedBefore }
  }

  /** Reads until nothing changed meanwhile, so that a stale user is never kept. */
  const load = async (
    read: () => Promise<Principal | undefined>,
  ): Promise<Resident | undefined> => {
    for (let tries = 0; tries < manyTries; tries++) {
      const principal = await read()
      if (principal === undefined) return undefined
      const resident = await take(principal)
      if (principal.asOf < newest) continue
      byName.set(foldUsername(principal.user.username), resident)
      byId.set(principal.user.id, resident)
      return resident
    }
    throw new Error('the user changes faster than it can be read')
  }

  /** One reading at a time for one user. */
  const loadOnce = (
    key: string,
    read: () => Promise<Principal | undefined>,
  ): Promise<Resident | undefined> => {
    const under = loading.get(key)
    if (under !== undefined) return under
    const reading = load(read).finally(() => loading.delete(key))
    loading.set(key, reading)
    return reading
  }

  const findKey = async (digest: string): Promise<FoundKey | undefined> => {
    const known = keys.get(digest)
    if (known !== undefined) return known
    const asOf = newest
    const found = await findApiKey(database, digest)
    if (found?.broken !== undefined) deps.onBroken(`key ${found.name}`, found.broken)
    if (found !== undefined && found.validUntil === undefined && asOf === newest)
      keys.set(digest, found)
    return found
  }

  return {
    peek: byName.get,
    find: async (name) =>
      byName.get(name) ?? loadOnce(`name ${name}`, () => findPrincipal(database, name)),
    findById: async (id) =>
      byId.get(id) ?? loadOnce(`id ${id}`, () => findPrincipalById(database, id)),
    findKey,
    drop: (change) => {
      newest = change.seq
      keys.clear()
      const gone = change.userId === null ? undefined : byId.get(change.userId)
      if (change.userId === null) {
        // A role or an account: anyone of it may have been changed.
        byName.clear()
        byId.clear()
      } else if (gone !== undefined) {
        byName.delete(foldUsername(gone.user.username))
        byId.delete(change.userId)
      }
    },
    succeeded: (userId, group, now) => {
      byId.get(userId)?.knownSources.set(group, now)
    },
    size: byId.size,
  }
}
