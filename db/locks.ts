import { and, asc, eq, gt, isNull, lte, or } from 'drizzle-orm'
import type { WrittenLock } from '../policies/bucket.ts'
import type { Channel } from '../policies/facts.ts'
import { lastChange } from './changes.ts'
import type { Reader, Transaction } from './database.ts'
import { recordChange, systemActor, type Actor } from './record.ts'
import { changes, locks } from './schema/audit.ts'
import { findUser } from './user-rows.ts'

/** A lock of one bucket of a user; `lockedUntil` in ms, Infinity: until an admin unlocks. */
export type Lock = WrittenLock & { readonly bucket: string }

type Row = typeof locks.$inferSelect

export const lockOf = (row: Row): Lock => ({
  bucket: row.bucket,
  lockedAt: row.since,
  lockedUntil: row.until ?? Infinity,
  locks: row.locks,
  consecutive: row.failures,
  channels: row.channels as readonly Channel[],
  sources: row.sources,
})

const columnsOf = (lock: Lock) => ({
  since: lock.lockedAt,
  until: lock.lockedUntil === Infinity ? null : lock.lockedUntil,
  failures: lock.consecutive,
  locks: lock.locks,
  channels: lock.channels,
  sources: lock.sources,
})

/** What the audit shows of a lock. */
const shown = ({ bucket, lockedAt, lockedUntil, consecutive, channels, sources }: Lock) => ({
  bucket,
  since: lockedAt,
  until: lockedUntil === Infinity ? null : lockedUntil,
  failures: consecutive,
  channels,
  sources,
})

/** The locks that are in force (at `now`), the oldest first. */
export const findLocks = async (
  reader: Reader,
  userId: string,
  now: number,
): Promise<readonly Lock[]> => {
  const isInForce = or(isNull(locks.until), gt(locks.until, now))
  const rows = await reader.queries
    .select()
    .from(locks)
    .where(and(eq(locks.userId, userId), isInForce))
    .orderBy(asc(locks.since))
  return rows.map(lockOf)
}

/** A lock waits for its turn to be written no longer than while so much news comes. */
const mostNews = 1_000

/** An unlock came after that moment: what was locked before is not to be written any more. */
const isUnlockedSince = async (
  tx: Transaction,
  userId: string,
  lockedAt: number,
): Promise<boolean> => {
  const isNew = gt(changes.seq, (await lastChange(tx)) - mostNews)
  const isUnlock = and(eq(changes.userId, userId), eq(changes.kind, 'unlock'))
  const rows = await tx.queries
    .select({ seq: changes.seq })
    .from(changes)
    .where(and(isNew, isUnlock, gt(changes.at, lockedAt)))
    .limit(1)
  return rows.length > 0
}

/**
 * Writes down that a bucket is locked, so that it outlives the counters. When two processes lock
 * the same bucket the later end holds. A user that is gone or unlocked meanwhile is passed over.
 */
export const recordLock = async (
  tx: Transaction,
  {
    userId,
    lock,
    actor = systemActor,
  }: { readonly userId: string; readonly lock: Lock; readonly actor?: Actor },
): Promise<void> => {
  const user = await findUser(tx, userId)
  if (user === undefined || (await isUnlockedSince(tx, userId, lock.lockedAt))) return
  const isSame = and(eq(locks.userId, userId), eq(locks.bucket, lock.bucket))
  const [present] = await tx.queries.select().from(locks).where(isSame)
  const before = present && lockOf(present)
  const lockedUntil = Math.max(lock.lockedUntil, before?.lockedUntil ?? 0)
  const set = columnsOf({ ...lock, lockedUntil })
  await tx.queries
    .insert(locks)
    .values({ id: tx.newId(), userId, bucket: lock.bucket, ...set })
    .onConflictDoUpdate({ target: [locks.userId, locks.bucket], set })
  await recordChange(tx, {
    actor,
    kind: 'lock',
    action: 'user.locked',
    accountId: user.accountId,
    user,
    before: before && shown(before),
    after: shown({ ...lock, lockedUntil }),
  })
}

export type LocksToClear = {
  readonly actor: Actor
  readonly userId: string
  readonly bucket?: string
  /** Only what is over by then (ms): another process may have locked the same bucket anew. */
  readonly over?: number
}

/** Forgets all locks of a user, or that of one bucket, and answers them. */
export const clearLocks = async (
  tx: Transaction,
  { actor, userId, bucket, over }: LocksToClear,
): Promise<{ readonly cleared: readonly Lock[] } | { readonly refused: 'user-unknown' }> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const ofBucket = bucket === undefined ? undefined : eq(locks.bucket, bucket)
  const rows = await tx.queries
    .delete(locks)
    .where(
      and(
        eq(locks.userId, userId),
        ofBucket,
        over === undefined ? undefined : lte(locks.until, over),
      ),
    )
    .returning()
  const cleared = rows.map(lockOf)
  if (over !== undefined && cleared.length === 0) return { cleared }
  await recordChange(tx, {
    actor,
    // Of all buckets: the counters of every process are to be cleared as well.
    kind: bucket === undefined ? 'unlock' : 'lock',
    action: 'user.unlocked',
    accountId: user.accountId,
    user,
    before: cleared.map(shown),
  })
  return { cleared }
}

/**
 * An admin's unlock (U8). The news of it (`unlock`) is what tells each process to clear its
 * counters, also of failures that have not locked anything yet.
 */
export const unlockUser = (
  tx: Transaction,
  { actor, userId }: { readonly actor: Actor; readonly userId: string },
): ReturnType<typeof clearLocks> => clearLocks(tx, { actor, userId })
