import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core'

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
