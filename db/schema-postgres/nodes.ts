import { boolean, pgTable } from 'drizzle-orm/pg-core'
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
