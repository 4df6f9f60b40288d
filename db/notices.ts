import { and, asc, eq, inArray, isNull, lte, sql } from 'drizzle-orm'
import type { Reader, Transaction } from './database.ts'
import type { NoticeFacts } from './notice-facts.ts'
import { isTold, noticesOf, type Happened } from './notice-rules.ts'
import { notices } from './schema/notices.ts'
import { findUser } from './user-rows.ts'

export type NoticeRow = typeof notices.$inferSelect

/** How long one that is over is kept: longer than the time between two that must not be the same. */
const keptMs = 30 * 86_400_000

/** Adds a notice to the transaction, unless the same was recorded before; nodes send it on commit. */
export const recordNotice = async (
  tx: Transaction,
  {
    key,
    accountId,
    userId,
    facts,
  }: {
    readonly key: string
    readonly accountId: string
    readonly userId: string | null
    readonly facts: NoticeFacts
  },
): Promise<void> => {
  const at = tx.now()
  await tx.queries
    .insert(notices)
    .values({ id: tx.newId(), key, accountId, userId, facts, recordedAt: at, dueAt: at })
    .onConflictDoNothing()
  tx.announce()
}

/** The notices of what is being audited, in its transaction: a change is told when it is made. */
export const recordNoticesOf = async (
  tx: Transaction,
  event: Omit<Happened, 'at'> & {
    readonly id: string
    readonly at?: number | undefined
    readonly accountId?: string | null | undefined
  },
): Promise<void> => {
  const { id, accountId, userId = null } = event
  if (!isTold(event.action) || typeof accountId !== 'string') return
  const user = userId === null ? undefined : await findUser(tx, userId)
  const told = noticesOf({ ...event, at: event.at ?? tx.now() }, user)
  for (const [place, facts] of told.entries())
    await recordNotice(tx, { key: `${id}/${place}`, accountId, userId: user?.id ?? null, facts })
}

const isDue = (now: number) => lte(notices.dueAt, now)

/** Whether any notice is to be sent; asks nothing of the writer. */
export const hasDueNotices = async (reader: Reader): Promise<boolean> =>
  (
    await reader.queries
      .select({ id: notices.id })
      .from(notices)
      .where(isDue(reader.now()))
      .limit(1)
  ).length > 0

/**
 * Takes notices to send, the oldest first. Nobody else gets them for `leaseMs`; who dies before
 * saying what became of them leaves them to the next.
 */
export const claimNotices = async (
  tx: Transaction,
  {
    claim,
    limit,
    leaseMs,
  }: { readonly claim: string; readonly limit: number; readonly leaseMs: number },
): Promise<readonly NoticeRow[]> => {
  const due = await tx.queries
    .select({ id: notices.id })
    .from(notices)
    .where(isDue(tx.now()))
    .orderBy(asc(notices.dueAt), asc(notices.id))
    .limit(limit)
  if (due.length === 0) return []
  const ids = due.map(({ id }) => id)
  return tx.queries
    .update(notices)
    .set({ claim, dueAt: tx.now() + leaseMs, tries: sql`${notices.tries} + 1` })
    .where(inArray(notices.id, ids))
    .returning()
}

/** What became of a claimed notice: over, or to be tried again in so many ms. */
export type Ended = { readonly id: string } & (
  { readonly outcome: string } | { readonly againMs: number }
)

/** Writes down what became of claimed notices; of those that another has claimed since, nothing. */
export const endNotices = async (
  tx: Transaction,
  claim: string,
  ended: readonly Ended[],
): Promise<void> => {
  for (const end of ended)
    await tx.queries
      .update(notices)
      .set(
        'outcome' in end
          ? { claim: null, dueAt: null, outcome: end.outcome }
          : { claim: null, dueAt: tx.now() + end.againMs },
      )
      .where(and(eq(notices.id, end.id), eq(notices.claim, claim)))
}

/** Forgets some of what is over for long; answers how many. */
export const pruneNotices = async (tx: Transaction, limit = 500): Promise<number> => {
  const old = await tx.queries
    .select({ id: notices.id })
    .from(notices)
    .where(and(lte(notices.recordedAt, tx.now() - keptMs), isNull(notices.dueAt)))
    .limit(limit)
  const ids = old.map(({ id }) => id)
  if (ids.length > 0) await tx.queries.delete(notices).where(inArray(notices.id, ids))
  return ids.length
}
