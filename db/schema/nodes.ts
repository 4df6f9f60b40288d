import { index, integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** The processes that serve this directory, each with its last sign of life. */
export const nodes = sqliteTable('nodes', {
  id: text().primaryKey(),
  name: text().notNull(),
  version: text().notNull(),
  startedAt: integer('started_at').notNull(),
  seenAt: integer('seen_at').notNull(),
  /** How old its knowledge of changes was then, in ms. */
  policyAge: integer('policy_age').notNull(),
  /** It could not reach what the nodes share. */
  degraded: integer({ mode: 'boolean' }).notNull(),
})

/**
 * What users have open at the nodes for longer than a moment; a row goes with its node. Without
 * references to users, since it is written after the fact: who is gone must not hold up the others.
 */
export const liveObjects = sqliteTable(
  'live_objects',
  {
    /** The decision that permitted it. */
    id: text().primaryKey(),
    nodeId: text('node_id')
      .notNull()
      .references(() => nodes.id, { onDelete: 'cascade' }),
    accountId: text('account_id').notNull(),
    userId: text('user_id').notNull(),
    kind: text().notNull(),
    source: text(),
    target: text(),
    since: integer().notNull(),
    /** Somebody wants it ended, which its node does. */
    endAskedAt: integer('end_asked_at'),
  },
  (t) => [
    index('live_objects_by_node').on(t.nodeId, t.endAskedAt),
    index('live_objects_by_account').on(t.accountId, t.id),
    index('live_objects_by_user').on(t.userId, t.id),
  ],
)
