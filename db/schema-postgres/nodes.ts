import { boolean, index, pgTable } from 'drizzle-orm/pg-core'
import { text, whole } from './columns.ts'

export const nodes = pgTable('nodes', {
  id: text().primaryKey(),
  name: text().notNull(),
  version: text().notNull(),
  startedAt: whole('started_at').notNull(),
  seenAt: whole('seen_at').notNull(),
  policyAge: whole('policy_age').notNull(),
  degraded: boolean().notNull(),
})

export const liveObjects = pgTable(
  'live_objects',
  {
    id: text().primaryKey(),
    nodeId: text('node_id')
      .notNull()
      .references(() => nodes.id, { onDelete: 'cascade' }),
    accountId: text('account_id').notNull(),
    userId: text('user_id').notNull(),
    kind: text().notNull(),
    source: text(),
    target: text(),
    since: whole().notNull(),
    endAskedAt: whole('end_asked_at'),
  },
  (t) => [
    index('live_objects_by_node').on(t.nodeId, t.endAskedAt),
    index('live_objects_by_account').on(t.accountId, t.id),
    index('live_objects_by_user').on(t.userId, t.id),
  ],
)
