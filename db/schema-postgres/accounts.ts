import { sql } from 'drizzle-orm'
import { check, pgTable, uniqueIndex } from 'drizzle-orm/pg-core'
import { text, whole } from './columns.ts'

export const accounts = pgTable(
  'accounts',
  {
    id: text().primaryKey(),
    name: text().notNull(),
    type: text().notNull(),
    region: text().notNull(),
    settings: text().notNull().default('{}'),
    createdAt: whole('created_at').notNull(),
    updatedAt: whole('updated_at').notNull(),
    version: whole().notNull().default(1),
  },
  (t) => [uniqueIndex('accounts_name').on(t.name), check('accounts_id', sql`length(${t.id}) > 0`)],
)

export const meta = pgTable('meta', {
  key: text().primaryKey(),
  value: text().notNull(),
})
