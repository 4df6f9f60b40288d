import { sql } from 'drizzle-orm'
import { check, index, json, pgTable, uniqueIndex } from 'drizzle-orm/pg-core'
import { text, whole } from './columns.ts'
import { users } from './users.ts'

export const notices = pgTable(
  'notices',
  {
    id: text().primaryKey(),
    key: text().notNull(),
    accountId: text('account_id').notNull(),
    userId: text('user_id').references(() => users.id, { onDelete: 'cascade' }),
    facts: json().notNull(),
    recordedAt: whole('recorded_at').notNull(),
    dueAt: whole('due_at'),
    tries: whole().notNull().default(0),
    claim: text(),
    outcome: text(),
  },
  (t) => [
    uniqueIndex('notices_key').on(t.key),
    index('notices_due')
      .on(t.dueAt)
      .where(sql`${t.dueAt} is not null`),
    index('notices_by_recording').on(t.recordedAt),
    index('notices_by_user')
      .on(t.userId)
      .where(sql`${t.userId} is not null`),
    check('notices_end', sql`(${t.dueAt} is null) = (${t.outcome} is not null)`),
  ],
)
