import { sql } from 'drizzle-orm'
import { check, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { users } from './users.ts'

/**
 * Notices to people: written with what they tell of, claimed by one node, mailed, and kept for a
 * while so that each is told once. No secret: a link is made when its mail is sent.
 */
export const notices = sqliteTable(
  'notices',
  {
    id: text().primaryKey(),
    /** What it tells of: the same is recorded once. */
    key: text().notNull(),
    accountId: text('account_id').notNull(),
    userId: text('user_id').references(() => users.id, { onDelete: 'cascade' }),
    facts: text({ mode: 'json' }).$type<Readonly<Record<string, unknown>>>().notNull(),
    recordedAt: integer('recorded_at').notNull(),
    /** When it is to be sent, or a claim to it lapses; null: it is over. */
    dueAt: integer('due_at'),
    tries: integer().notNull().default(0),
    /** Who sends it. */
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
