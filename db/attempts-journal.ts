import { isLocked, unlockUpTo, type BucketState } from '../policies/bucket.ts'
import { join } from '../policies/bucket-join.ts'
import type { Place } from './attempts-steps.ts'

/** What one step did to a bucket, done again by the time of then. */
export type Deed = {
  readonly at: number
  readonly apply: (state: BucketState, at: number) => BucketState
  /** Whose attempt it was, and whether it ended so that less need be told again. */
  readonly holder?: string | undefined
  readonly ended?: 'given-back' | 'cleared' | undefined
}

export type Unsent = {
  /** All buckets were cleared as of that moment, before the deeds. */
  readonly unlockedAt: number | undefined
  readonly deeds: readonly (readonly [Place, readonly Deed[]])[]
}

/**
 * A bucket as it is after deeds that it hears of late. What was counted in it meanwhile stays: a
 * failure of then may open a window or make a lock that are over, and ends no other by that.
 */
export const replay = (
  state: BucketState,
  {
    unlockedAt,
    deeds,
  }: { readonly unlockedAt: number | undefined; readonly deeds: readonly Deed[] },
  now: number,
): BucketState => {
  let base = unlockedAt === undefined ? state : unlockUpTo(state, unlockedAt)
  let after = base
  for (const { apply, at, ended } of deeds) {
    after = apply(after, at)
    if (ended === 'cleared' && after.consecutive === 0) base = after
  }
  return isLocked(after, now) && after.lockedAt >= base.failedAt
    ? after
    : { ...join(base, after, now), pending: after.pending }
}

/** What was counted here while Redis was away, in order, until Redis has heard of it. */
export type Journal = {
  readonly add: (place: Place, deed: Deed) => void
  readonly addUnlock: (userKey: string, at: number) => void
  readonly has: (userKey: string) => boolean
  readonly users: () => readonly string[]
  readonly of: (userKey: string) => Unsent
  /** Redis has heard of these; what came meanwhile stays. */
  readonly sent: (place: Place, deeds: readonly Deed[]) => void
  readonly unlockSent: (userKey: string, at: number) => void
}

type Entry = { unlockedAt: number | undefined; readonly buckets: Map<string, [Place, Deed[]]> }

/** No honest bucket comes near it, however long Redis is away. */
const mostDeeds = 256

/** A success leaves nothing of what was before it, but that its own place was taken. */
const thatMatter = (deeds: readonly Deed[], { holder, ended }: Deed): readonly Deed[] =>
  ended === 'cleared' ? deeds.filter((it) => it.holder === holder) : deeds

/** Holds `most` users; those longest unheard of are let go first. */
export const createJournal = (most: number): Journal => {
  const entries = new Map<string, Entry>()

  const open = (userKey: string): Entry => {
    const present = entries.get(userKey)
    if (present !== undefined) return present
    const entry: Entry = { unlockedAt: undefined, buckets: new Map() }
    entries.set(userKey, entry)
    const [oldest] = entries.keys()
    if (entries.size > most && oldest !== undefined) entries.delete(oldest)
    return entry
  }
  const closeIfEmpty = (userKey: string): void => {
    const entry = entries.get(userKey)
    if (entry?.unlockedAt === undefined && entry?.buckets.size === 0) entries.delete(userKey)
  }

  return {
    add: (place, deed) => {
      const { buckets } = open(place.userKey)
      const [, before] = buckets.get(place.bucket) ?? [place, []]
      const { holder, ended } = deed
      // A place that was taken here and given back here never was.
      if (ended === 'given-back' && before.some((it) => it.holder === holder)) {
        const rest = before.filter((it) => it.holder !== holder)
        if (rest.length > 0) buckets.set(place.bucket, [place, rest])
        else buckets.delete(place.bucket)
        closeIfEmpty(place.userKey)
        return
      }
      buckets.set(place.bucket, [place, [...thatMatter(before, deed), deed].slice(-mostDeeds)])
    },
    addUnlock: (userKey, at) => {
      const entry = open(userKey)
      entry.unlockedAt = Math.max(at, entry.unlockedAt ?? at)
      for (const [bucket, [place, deeds]] of entry.buckets) {
        const later = deeds.filter((deed) => deed.at > at)
        if (later.length > 0) entry.buckets.set(bucket, [place, later])
        else entry.buckets.delete(bucket)
      }
    },
    has: (userKey) => entries.has(userKey),
    users: () => [...entries.keys()],
    of: (userKey) => {
      const { unlockedAt, buckets } = entries.get(userKey) ?? {}
      return { unlockedAt, deeds: [...(buckets?.values() ?? [])] }
    },
    sent: ({ userKey, bucket }, deeds) => {
      const buckets = entries.get(userKey)?.buckets
      const [place, present] = buckets?.get(bucket) ?? []
      if (buckets === undefined || place === undefined || present === undefined) return
      const rest = present.filter((deed) => !deeds.includes(deed))
      if (rest.length > 0) buckets.set(bucket, [place, rest])
      else buckets.delete(bucket)
      closeIfEmpty(userKey)
    },
    unlockSent: (userKey, at) => {
      const entry = entries.get(userKey)
      if (entry?.unlockedAt === at) entry.unlockedAt = undefined
      closeIfEmpty(userKey)
    },
  }
}
