import { isForgettable, isLocked, type BucketState } from '../policies/bucket.ts'
import { unknownBucket } from '../policies/lockout.ts'

type Buckets = Map<string, BucketState>

/** The buckets of many users in the process, of which those least recently written are let go. */
export type BucketMemory = {
  /** The name under which a bucket stands: that of the unknown sources when a user has too many. */
  readonly nameOf: (userKey: string, bucket: string, now: number) => string
  readonly find: (userKey: string, bucket: string) => BucketState | undefined
  readonly put: (userKey: string, bucket: string, state: BucketState, now: number) => void
  readonly of: (userKey: string) => readonly (readonly [string, BucketState])[]
  readonly users: () => readonly string[]
  /** How many buckets are held. */
  readonly size: () => number
}

/** How many users are looked at for room; amortised, one write lets one go. */
const triesPerWrite = 8

const isHeld = (buckets: Buckets, now: number): boolean =>
  [...buckets.values()].some(
    (state) => isLocked(state, now) || state.pending.some((it) => it.leaseEndsAt > now),
  )

export type BucketMemoryOptions = {
  readonly limit: number
  readonly perUser: number
  /** Locked buckets and those under verification stay, even beyond the limit. */
  readonly keepsLocks: boolean
}

export const createBucketMemory = (options: BucketMemoryOptions): BucketMemory => {
  const { limit, perUser, keepsLocks } = options
  const users = new Map<string, Buckets>()
  // A live iterator is the hand of a clock: it goes on behind what was let go or written again.
  let hand = users.entries()
  let count = 0

  const oldest = (): [string, Buckets] | undefined => {
    const next = hand.next()
    if (next.done !== true) return next.value
    hand = users.entries()
    return undefined
  }

  const makeRoom = (now: number): void => {
    for (let tries = 0; count > limit && tries < triesPerWrite; tries++) {
      const [userKey, buckets] = oldest() ?? []
      if (userKey === undefined || buckets === undefined) continue
      users.delete(userKey)
      if (keepsLocks && isHeld(buckets, now)) users.set(userKey, buckets)
      else count -= buckets.size
    }
  }

  const remove = (userKey: string, buckets: Buckets, bucket: string): void => {
    if (buckets.delete(bucket)) count--
    if (buckets.size === 0) users.delete(userKey)
  }

  const dropForgettable = (userKey: string, buckets: Buckets, now: number): void => {
    for (const [bucket, state] of buckets) {
      if (isForgettable(state, now)) remove(userKey, buckets, bucket)
    }
  }

  return {
    nameOf(userKey, bucket, now) {
      const buckets = users.get(userKey)
      if (buckets === undefined || buckets.size < perUser || buckets.has(bucket)) return bucket
      dropForgettable(userKey, buckets, now)
      return buckets.size < perUser ? bucket : unknownBucket
    },
    find: (userKey, bucket) => users.get(userKey)?.get(bucket),
    put(userKey, bucket, state, now) {
      const buckets = users.get(userKey) ?? new Map<string, BucketState>()
      if (isForgettable(state, now)) {
        remove(userKey, buckets, bucket)
        return
      }
      if (!buckets.has(bucket)) count++
      buckets.set(bucket, state)
      users.delete(userKey)
      users.set(userKey, buckets)
      makeRoom(now)
    },
    of: (userKey) => [...(users.get(userKey) ?? [])],
    users: () => [...users.keys()],
    size: () => count,
  }
}
