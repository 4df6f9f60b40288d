import { createCache } from './cache.ts'

/** Where a user succeeded: by source group, in ms since the epoch. */
export type KnownSources = ReadonlyMap<string, number>

/**
 * Adds what the database may not have been told yet to what it said: successes are written once a
 * second, and a user who is read anew in between is to be known where they are.
 */
export type RecentSources = {
  readonly add: (userId: string, known: Map<string, number>, group: string, now: number) => void
  /** A map of one's own, to be handed to `add` from now on; `stored` has the latest first. */
  readonly merge: (userId: string, stored: KnownSources, now: number) => Map<string, number>
}

/** Long enough for a database that cannot be written for a while. */
const RECENT_MS = 60_000

/** As many as the database is asked for. */
const MOST_GROUPS = 1_000

const put = (known: Map<string, number>, group: string, now: number): void => {
  // Behind the others again, so that the first is the one not seen for longest.
  known.delete(group)
  known.set(group, now)
  if (known.size <= MOST_GROUPS) return
  const [oldest] = known.keys()
  if (oldest !== undefined) known.delete(oldest)
}

/** Remembers the successes of the last minute of about `most` users. */
export const createRecentSources = (most: number): RecentSources => {
  const recent = createCache<string, Map<string, number>>(most)
  const isRecent = (at: number, now: number): boolean => at > now - RECENT_MS

  const addRecent = (userId: string, group: string, now: number): void => {
    const added = recent.get(userId) ?? new Map<string, number>()
    for (const [other, at] of added) if (!isRecent(at, now)) added.delete(other)
    put(added, group, now)
    recent.set(userId, added)
  }

  return {
    add: (userId, known, group, now) => {
      const last = known.get(group)
      put(known, group, now)
      if (last === undefined || last < now - RECENT_MS / 2) addRecent(userId, group, now)
    },
    merge: (userId, stored, now) => {
      const known = new Map([...stored].reverse())
      for (const [group, at] of recent.get(userId) ?? [])
        if (isRecent(at, now)) put(known, group, at)
      return known
    },
  }
}
