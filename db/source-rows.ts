import { and, count, desc, eq, lt, notInArray, or, sql } from 'drizzle-orm'
import type { Queries, Reader, Transaction } from './database.ts'
import { sources } from './schema/audit.ts'

/** From where a user came or tried to come; `reason` is empty when permitted. */
export type Source = Omit<typeof sources.$inferSelect, 'id'>

/** The latest first. */
export const findSources = (
  reader: Reader,
  userId: string,
  limit = 1000,
): Promise<readonly Source[]> =>
  reader.queries
    .select()
    .from(sources)
    .where(eq(sources.userId, userId))
    .orderBy(desc(sources.lastAt), desc(sources.id))
    .limit(limit)

/** Where the page before ended. */
export type SourcePosition = { readonly lastAt: number; readonly id: number }

/** A page of them, the latest first; what comes in meanwhile may move to a page already seen. */
export const findSourcePage = (
  reader: Reader,
  {
    userId,
    after,
    limit,
  }: {
    readonly userId: string
    readonly after?: SourcePosition | undefined
    readonly limit: number
  },
): Promise<readonly (Source & { readonly id: number })[]> => {
  const isBehind =
    after &&
    or(
      lt(sources.lastAt, after.lastAt),
      and(eq(sources.lastAt, after.lastAt), lt(sources.id, after.id)),
    )
  return reader.queries
    .select()
    .from(sources)
    .where(and(eq(sources.userId, userId), isBehind))
    .orderBy(desc(sources.lastAt), desc(sources.id))
    .limit(limit)
}

export const countSources = async (reader: Reader, userId: string): Promise<number> =>
  (
    await reader.queries
      .select({ sources: count() })
      .from(sources)
      .where(eq(sources.userId, userId))
  )[0]?.sources ?? 0

const upsert = (queries: Queries) =>
  queries
    .insert(sources)
    .values({
      userId: sql.placeholder('userId'),
      channel: sql.placeholder('channel'),
      source: sql.placeholder('source'),
      sourceGroup: sql.placeholder('sourceGroup'),
      outcome: sql.placeholder('outcome'),
      reason: sql.placeholder('reason'),
      firstAt: sql.placeholder('firstAt'),
      lastAt: sql.placeholder('lastAt'),
      count: sql.placeholder('count'),
    })
    .onConflictDoUpdate({
      target: [sources.userId, sources.channel, sources.source, sources.outcome, sources.reason],
      set: {
        count: sql`${sources.count} + excluded.count`,
        lastAt: sql`case when excluded.last_at > ${sources.lastAt} then excluded.last_at else ${sources.lastAt} end`,
      },
    })
    .prepare()

/** Adds what was counted since the last time. */
export const addSource = async (tx: Transaction, source: Source): Promise<void> => {
  await tx.prepared(upsert).execute(source)
}

/** How many rows of each outcome are kept of a user. */
const mostRows = 1000

/** Lets go of the oldest rows of a user: from a botnet come more addresses than anybody looks at. */
export const pruneSources = async (
  tx: Transaction,
  userId: string,
  most = mostRows,
): Promise<void> => {
  for (const outcome of ['permitted', 'refused']) {
    const isOne = and(eq(sources.userId, userId), eq(sources.outcome, outcome))
    const latest = tx.queries
      .select({ id: sources.id })
      .from(sources)
      .where(isOne)
      .orderBy(desc(sources.lastAt), desc(sources.id))
      .limit(most)
    await tx.queries.delete(sources).where(and(isOne, notInArray(sources.id, latest)))
  }
}
