import type { Change } from '../db/changes.ts'
import { findApiKey, type FoundKey } from '../db/api-keys.ts'
import type { BucketLock } from '../db/attempts.ts'
import type { Database } from '../db/database.ts'
import { findPrincipal, findPrincipalById, type Principal } from '../db/principals.ts'
import type { Fingerprints } from '../db/secrets.ts'
import { foldUsername } from '../policies/names.ts'
import { createCache } from './cache.ts'
import { createRecentSources } from './known-sources.ts'

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
  readonly peekById: (id: string) => Resident | undefined
  readonly find: (name: string) => Promise<Resident | undefined>
  readonly findById: (id: string) => Promise<Resident | undefined>
  /** By the digest of a key's secret, if in memory. */
  readonly peekKey: (digest: string) => FoundKey | undefined
  readonly findKey: (digest: string) => Promise<FoundKey | undefined>
  /** Forgets what a change concerns; what is being read meanwhile is read again. */
  readonly drop: (change: Change) => void
  /** The directory went back: its changes have other numbers from now on. */
  readonly forgetAll: () => void
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

/** Changes after which a key may be another; what concerns its user is looked up by itself. */
const ofKeys: ReadonlySet<Change['kind']> = new Set(['api-key', 'user'])

const manyTries = 5

export const createDirectory = (deps: DirectoryDeps): Directory => {
  const { database, fingerprints } = deps
  // A user is kept in one place alone, so that one step forgets it; a username never changes.
  const residents = createCache<string, Resident>(deps.most)
  const ids = createCache<string, string>(deps.most)
  const keys = createCache<string, FoundKey>(deps.most)
  const restored = createCache<string, true>(deps.most)
  const recent = createRecentSources(deps.most)
  const loading = new Map<string, Promise<Resident | undefined>>()
  let newest = 0
  /** How often the directory went back. */
  let returns = 0

  const take = async (principal: Principal): Promise<Resident> => {
    const { user, broken, writtenLocks } = principal
    const userKey = fingerprints.userKey({ userId: user.id })
    if (broken !== undefined) deps.onBroken(user.username, broken)
    // All at once, so that an unlock of which we hear meanwhile comes behind them.
    await Promise.all(
      writtenLocks.map(async (lock) => {
        const name = `${userKey} ${lock.bucket} ${lock.lockedAt}`
        if (restored.get(name) !== undefined) return
        await deps.restore({ ...lock, userKey })
        restored.set(name, true)
      }),
    )
    return {
      ...principal,
      userKey,
      knownSources: recent.merge(user.id, principal.knownSources, database.now()),
      lockedBefore: new Set(writtenLocks.map(({ bucket }) => bucket)),
    }
  }

  /** Reads until nothing changed meanwhile, so that nothing stale is restored or kept. */
  const load = async (
    read: () => Promise<Principal | undefined>,
  ): Promise<Resident | undefined> => {
    for (let tries = 0; tries < manyTries; tries++) {
      const returnsBefore = returns
      const principal = await read()
      if (principal === undefined) return undefined
      const isOld = (): boolean => principal.asOf < newest || returns !== returnsBefore
      if (isOld()) continue
      const resident = await take(principal)
      if (isOld()) continue
      const { id, username } = principal.user
      residents.set(id, resident)
      ids.set(foldUsername(username), id)
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
    const [asOf, returnsBefore] = [newest, returns]
    const found = await findApiKey(database, digest)
    if (found?.broken !== undefined) deps.onBroken(`key ${found.name}`, found.broken)
    const isCurrent = asOf === newest && returns === returnsBefore
    if (found !== undefined && found.validUntil === undefined && isCurrent) keys.set(digest, found)
    return found
  }

  const peek = (name: string): Resident | undefined => {
    const id = ids.get(name)
    return id === undefined ? undefined : residents.get(id)
  }

  return {
    peek,
    peekById: residents.get,
    find: async (name) =>
      peek(name) ?? loadOnce(`name ${name}`, () => findPrincipal(database, name)),
    findById: async (id) =>
      residents.get(id) ?? loadOnce(`id ${id}`, () => findPrincipalById(database, id)),
    peekKey: keys.get,
    findKey,
    drop: (change) => {
      newest = change.seq
      if (change.userId === null || ofKeys.has(change.kind)) keys.clear()
      // A role or an account: anyone of it may have been changed.
      if (change.userId === null) residents.clear()
      else residents.delete(change.userId)
    },
    forgetAll: () => {
      returns += 1
      newest = 0
      residents.clear()
      keys.clear()
    },
    succeeded: (userId, group, now) => {
      const known = residents.get(userId)?.knownSources ?? new Map<string, number>()
      recent.add(userId, known, group, now)
    },
    size: residents.size,
  }
}
