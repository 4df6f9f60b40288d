import { and, asc, eq } from 'drizzle-orm'
import type { Reader, Transaction } from './database.ts'
import { recordChange, type Actor, systemActor } from './record.ts'
import { locks } from './schema/audit.ts'
import { users } from './schema/users.ts'

export type Lock = Omit<typeof locks.$inferSelect, 'id'>

/** Every lock that is remembered of a user, those that are over too (they tell how long the next is). */
export const findLocks = (reader: Reader, userId: string): Promise<readonly Lock[]> =>
  reader.queries.select().from(locks).where(eq(locks.userId, userId)).orderBy(asc(locks.since))

/** Writes down that a bucket of a user is locked, so that it outlives the counters; `until` null: until unlocked. */
export const recordLock = async (
  tx: Transaction,
  lock: Lock & { readonly actor?: Actor },
): Promise<void> => {
  const { actor = systemActor, ...row } = lock
  const [user] = await tx.queries.select().from(users).where(eq(users.id, lock.userId))
  if (user === undefined) return
  await tx.queries
    .insert(locks)
    .values({ id: tx.newId(), ...row })
    .onConflictDoUpdate({ target: [locks.userId, locks.bucket], set: row })
  const { since, until, failures, channels, sources } = row
  await recordChange(tx, {
    actor,
    kind: 'lock',
    action: 'user.locked',
    accountId: user.accountId,
    user,
    after: { since, until, failures, channels, sources },
  })
}

/** Forgets all locks of a user, or that of one bucket; answers whether there was any. */
export const clearLocks = async (
  tx: Transaction,
  {
    actor,
    userId,
    bucket,
  }: { readonly actor: Actor; readonly userId: string; readonly bucket?: string },
): Promise<{ readonly cleared: number } | { readonly refused: 'user-unknown' }> => {
  const [user] = await tx.queries.select().from(users).where(eq(users.id, userId))
  if (user === undefined) return { refused: 'user-unknown' }
  const ofBucket = bucket === undefined ? undefined : eq(locks.bucket, bucket)
  const cleared = await tx.queries
    .delete(locks)
    .where(and(eq(locks.userId, userId), ofBucket))
    .returning()
  await recordChange(tx, {
    actor,
    kind: 'lock',
    action: 'user.unlocked',
    accountId: user.accountId,
    user,
    before: cleared.map(({ since, until, failures, channels, sources }) => {
      return { since, until, failures, channels, sources }
    }),
  })
  return { cleared: cleared.length }
}

/** What an admin's unlock does (U8); the counters are cleared by whoever hears of the change. */
export const unlockUser = (
  tx: Transaction,
  { actor, userId }: { readonly actor: Actor; readonly userId: string },
): ReturnType<typeof clearLocks> => clearLocks(tx, { actor, userId })
