import { sql } from 'drizzle-orm'
import { check, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { users } from './users.ts'

/** The audit: append-only by trigger, each row carrying the hash of the one before. */
export const events = sqliteTable(
  'events',
  {
    seq: integer().primaryKey(),
    id: text().notNull(),
    at: integer().notNull(),
    accountId: text('account_id'),
    /** Who did it; null: the system, the command line, or nobody known. */
    actorId: text('actor_id'),
    /** Whom it is about. */
    userId: text('user_id'),
    username: text(),
    /** A keyed digest of a name that is no user's: what was typed may be a password. */
    nameDigest: text('name_digest'),
    action: text().notNull(),
    channel: text().notNull(),
    source: text(),
    reason: text(),
    target: text(),
    count: integer().notNull().default(1),
    firstAt: integer('first_at').notNull(),
    lastAt: integer('last_at').notNull(),
    /** Leads from the ids of a group of refusals to this row. */
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

/**
 * From where each user came or tried to come: first, last, how often, and with what outcome. Without
 * a reference, since it is written after the fact: a user who is gone must not hold up the others.
 */
export const sources = sqliteTable(
  'sources',
  {
    id: integer().primaryKey({ autoIncrement: true }),
    userId: text('user_id').notNull(),
    channel: text().notNull(),
    source: text().notNull(),
    sourceGroup: text('source_group').notNull(),
    outcome: text().notNull(),
    /** Empty when permitted: null would make every row of a unique index differ. */
    reason: text().notNull().default(''),
    firstAt: integer('first_at').notNull(),
    lastAt: integer('last_at').notNull(),
    count: integer().notNull(),
  },
  (t) => [
    uniqueIndex('sources_key').on(t.userId, t.channel, t.source, t.outcome, t.reason),
    index('sources_by_time').on(t.userId, t.outcome, t.lastAt),
    check('sources_outcome', sql`${t.outcome} in ('permitted', 'refused')`),
    check('sources_count', sql`${t.count} > 0`),
  ],
)

/** Locks that are in force or were; `until` null: until an admin unlocks. */
export const locks = sqliteTable(
  'locks',
  {
    id: text().primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    /** As the counters name it. */
    bucket: text().notNull(),
    since: integer().notNull(),
    until: integer(),
    failures: integer().notNull(),
    /** Locks since the last success: each doubles the next. */
    locks: integer().notNull().default(1),
    channels: text({ mode: 'json' }).$type<readonly string[]>().notNull(),
    sources: text({ mode: 'json' }).$type<readonly string[]>().notNull(),
  },
  (t) => [
    uniqueIndex('locks_bucket').on(t.userId, t.bucket),
    index('locks_until').on(t.until),
    check('locks_failures', sql`${t.failures} >= 0`),
    check('locks_until_form', sql`${t.until} is null or typeof(${t.until}) = 'integer'`),
  ],
)

/** The news: a growing sequence that every process follows. */
export const changes = sqliteTable('changes', {
  seq: integer().primaryKey({ autoIncrement: true }),
  at: integer().notNull(),
  accountId: text('account_id').notNull(),
  userId: text('user_id'),
  kind: text().notNull(),
})
