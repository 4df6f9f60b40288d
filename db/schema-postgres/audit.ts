import { sql } from 'drizzle-orm'
import { check, index, json, pgTable, uniqueIndex } from 'drizzle-orm/pg-core'
import { text, whole } from './columns.ts'
import { users } from './users.ts'

export const events = pgTable(
  'events',
  {
    seq: whole().primaryKey(),
    id: text().notNull(),
    at: whole().notNull(),
    accountId: text('account_id'),
    actorId: text('actor_id'),
    userId: text('user_id'),
    username: text(),
    nameDigest: text('name_digest'),
    action: text().notNull(),
    channel: text().notNull(),
    source: text(),
    reason: text(),
    target: text(),
    count: whole().notNull().default(1),
    firstAt: whole('first_at').notNull(),
    lastAt: whole('last_at').notNull(),
    tag: text(),
    decisionId: text('decision_id'),
    before: text(),
    after: text(),
    prevHash: text('prev_hash').notNull(),
    hash: text().notNull(),
  },
  (t) => [
    uniqueIndex('events_id').on(t.id),
    index('events_by_account').on(t.accountId, t.at, t.seq),
    index('events_by_user')
      .on(t.userId, t.at, t.seq)
      .where(sql`${t.userId} is not null`),
    index('events_by_actor')
      .on(t.actorId, t.at, t.seq)
      .where(sql`${t.actorId} is not null`),
    index('events_by_action').on(t.accountId, t.action, t.at, t.seq),
    index('events_by_channel').on(t.accountId, t.channel, t.at, t.seq),
    index('events_by_reason')
      .on(t.accountId, t.reason, t.at, t.seq)
      .where(sql`${t.reason} is not null`),
    index('events_by_source')
      .on(t.accountId, t.source, t.at, t.seq)
      .where(sql`${t.source} is not null`),
    index('events_by_tag')
      .on(t.tag)
      .where(sql`${t.tag} is not null`),
    index('events_by_decision')
      .on(t.decisionId)
      .where(sql`${t.decisionId} is not null`),
    check('events_count', sql`${t.count} > 0`),
  ],
)

export const sources = pgTable(
  'sources',
  {
    id: whole().primaryKey().generatedByDefaultAsIdentity(),
    userId: text('user_id').notNull(),
    channel: text().notNull(),
    source: text().notNull(),
    sourceGroup: text('source_group').notNull(),
    outcome: text().notNull(),
    reason: text().notNull().default(''),
    firstAt: whole('first_at').notNull(),
    lastAt: whole('last_at').notNull(),
    count: whole().notNull(),
  },
  (t) => [
    uniqueIndex('sources_key').on(t.userId, t.channel, t.source, t.outcome, t.reason),
    index('sources_by_time').on(t.userId, t.outcome, t.lastAt),
    check('sources_outcome', sql`${t.outcome} in ('permitted', 'refused')`),
    check('sources_count', sql`${t.count} > 0`),
  ],
)

export const locks = pgTable(
  'locks',
  {
    id: text().primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    bucket: text().notNull(),
    since: whole().notNull(),
    until: whole(),
    failures: whole().notNull(),
    locks: whole().notNull().default(1),
    channels: json().notNull(),
    sources: json().notNull(),
  },
  (t) => [
    uniqueIndex('locks_bucket').on(t.userId, t.bucket),
    index('locks_until').on(t.until),
    check('locks_failures', sql`${t.failures} >= 0`),
  ],
)

export const changes = pgTable('changes', {
  seq: whole().primaryKey().generatedByDefaultAsIdentity(),
  at: whole().notNull(),
  accountId: text('account_id').notNull(),
  userId: text('user_id'),
  kind: text().notNull(),
})
