import { sql } from 'drizzle-orm'
import { check, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'

/** A customer; nothing is visible across accounts. Settings are those that differ from the defaults. */
export const accounts = sqliteTable(
  'accounts',
  {
    id: text().primaryKey(),
    name: text().notNull(),
    type: text().notNull(),
    region: text().notNull(),
    settings: text().notNull().default('{}'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    version: integer().notNull().default(1),
  },
  (t) => [uniqueIndex('accounts_name').on(t.name), check('accounts_id', sql`length(${t.id}) > 0`)],
)

/** What the installation remembers of itself: the head of the audit chain, the key's fingerprint. */
export const meta = sqliteTable('meta', {
  key: text().primaryKey(),
  value: text().notNull(),
})
