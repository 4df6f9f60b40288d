import { and, asc, count, eq, gt, inArray, isNotNull, isNull, sql } from 'drizzle-orm'
import type { Queries, Reader, Transaction } from './database.ts'
import { isAlive } from './nodes.ts'
import { recordChange, type Actor } from './record.ts'
import { liveObjects, nodes } from './schema/nodes.ts'
import { users } from './schema/users.ts'
import { findUser } from './user-rows.ts'

/** Something that a user has open at a node. */
export type LiveObjectRow = Omit<typeof liveObjects.$inferInsert, 'nodeId' | 'endAskedAt'>

export type LiveKind = 'http' | 'upgrade' | 'bind'

/** The same as a list shows it; `since` in ms since the epoch. */
export type LiveObjectView = {
  readonly id: string
  readonly userId: string
  readonly username: string
  readonly kind: LiveKind
  readonly source: string | null
  readonly target: string | null
  readonly since: number
  readonly node: string
}

/** What an account has open at all nodes, or one of its users. */
export type LiveObjectsOf = {
  readonly accountId: string
  readonly userId?: string | undefined
}

/** What is about to be ended is open no more. */
const isOpen = (reader: Reader, { accountId, userId }: LiveObjectsOf) =>
  and(
    eq(liveObjects.accountId, accountId),
    userId === undefined ? undefined : eq(liveObjects.userId, userId),
    isNull(liveObjects.endAskedAt),
    isAlive(reader),
  )

/** A page of them, the oldest first, after the id `after`. */
export const findLiveObjects = async (
  reader: Reader,
  {
    after = '',
    limit,
    ...of
  }: LiveObjectsOf & { readonly after?: string | undefined; readonly limit: number },
): Promise<readonly LiveObjectView[]> => {
  const rows = await reader.queries
    .select({
      id: liveObjects.id,
      userId: liveObjects.userId,
      username: users.username,
      kind: liveObjects.kind,
      source: liveObjects.source,
      target: liveObjects.target,
      since: liveObjects.since,
      node: nodes.name,
    })
    .from(liveObjects)
    .innerJoin(nodes, eq(nodes.id, liveObjects.nodeId))
    .innerJoin(users, eq(users.id, liveObjects.userId))
    .where(and(isOpen(reader, of), gt(liveObjects.id, after)))
    .orderBy(asc(liveObjects.id))
    .limit(limit)
  return rows.map((row) => ({ ...row, kind: row.kind as LiveKind }))
}

export const countLiveObjects = async (reader: Reader, of: LiveObjectsOf): Promise<number> =>
  (
    await reader.queries
      .select({ objects: count() })
      .from(liveObjects)
      .innerJoin(nodes, eq(nodes.id, liveObjects.nodeId))
      .innerJoin(users, eq(users.id, liveObjects.userId))
      .where(isOpen(reader, of))
  )[0]?.objects ?? 0

/** Whose it is, if it is open and of this account. */
export const findLiveOwner = async (
  reader: Reader,
  accountId: string,
  id: string,
): Promise<string | undefined> => {
  const [row] = await reader.queries
    .select({ userId: liveObjects.userId })
    .from(liveObjects)
    .innerJoin(nodes, eq(nodes.id, liveObjects.nodeId))
    .where(and(eq(liveObjects.id, id), isOpen(reader, { accountId })))
  return row?.userId
}

/** Asks the node that holds it to end it, which it does as soon as it hears the news. */
export const askEnd = async (
  tx: Transaction,
  {
    actor,
    accountId,
    id,
  }: { readonly actor: Actor; readonly accountId: string; readonly id: string },
): Promise<{ readonly ended: true } | { readonly refused: 'not-found' }> => {
  const [row] = await tx.queries
    .update(liveObjects)
    .set({ endAskedAt: tx.now() })
    .where(
      and(
        eq(liveObjects.id, id),
        eq(liveObjects.accountId, accountId),
        isNull(liveObjects.endAskedAt),
      ),
    )
    .returning()
  if (row === undefined) return { refused: 'not-found' }
  const { kind, source, target } = row
  await recordChange(tx, {
    actor,
    kind: 'session',
    action: 'session.ended',
    accountId,
    user: await findUser(tx, row.userId),
    before: { id, kind, source, target },
    after: { reason: 'ended-by-admin' },
  })
  return { ended: true }
}

/** How much a node has written down. */
export const countWritten = async (reader: Reader, nodeId: string): Promise<number> =>
  (
    await reader.queries
      .select({ objects: count() })
      .from(liveObjects)
      .where(eq(liveObjects.nodeId, nodeId))
  )[0]?.objects ?? 0

/** The ids of what a node has written down. */
export const findWritten = async (reader: Reader, nodeId: string): Promise<readonly string[]> =>
  (
    await reader.queries
      .select({ id: liveObjects.id })
      .from(liveObjects)
      .where(eq(liveObjects.nodeId, nodeId))
  ).map(({ id }) => id)

/** The ids of what somebody wants a node to end. */
export const findEndsAsked = async (reader: Reader, nodeId: string): Promise<readonly string[]> =>
  (
    await reader.queries
      .select({ id: liveObjects.id })
      .from(liveObjects)
      .where(and(eq(liveObjects.nodeId, nodeId), isNotNull(liveObjects.endAskedAt)))
  ).map(({ id }) => id)

/** Built once: there may be thousands of rows at once, and building a query leaves much behind. */
const insertion = (queries: Queries) =>
  queries
    .insert(liveObjects)
    .values({
      id: sql.placeholder('id'),
      nodeId: sql.placeholder('nodeId'),
      accountId: sql.placeholder('accountId'),
      userId: sql.placeholder('userId'),
      kind: sql.placeholder('kind'),
      source: sql.placeholder('source'),
      target: sql.placeholder('target'),
      since: sql.placeholder('since'),
    })
    .onConflictDoNothing()
    .prepare()

/** Writes down what a node has opened, and strikes out what is gone. */
export const writeLiveObjects = async (
  tx: Transaction,
  nodeId: string,
  { opened, gone }: { readonly opened: readonly LiveObjectRow[]; readonly gone: readonly string[] },
): Promise<void> => {
  if (gone.length > 0)
    await tx.queries
      .delete(liveObjects)
      .where(and(eq(liveObjects.nodeId, nodeId), inArray(liveObjects.id, [...gone])))
  for (const { id, accountId, userId, kind, source = null, target = null, since } of opened)
    await tx
      .prepared(insertion)
      .execute({ id, nodeId, accountId, userId, kind, source, target, since })
}
