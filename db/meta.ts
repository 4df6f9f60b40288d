import { eq, sql } from 'drizzle-orm'
import type { Queries, Reader, Transaction } from './database.ts'
import { meta } from './schema/accounts.ts'

const byKey = (queries: Queries) =>
  queries
    .select({ value: meta.value })
    .from(meta)
    .where(eq(meta.key, sql.placeholder('key')))
    .prepare()

/** What the installation remembers under a name. */
export const findMeta = async (reader: Reader, key: string): Promise<string | undefined> =>
  (await reader.prepared(byKey).execute({ key }))[0]?.value

const upsert = (queries: Queries) =>
  queries
    .insert(meta)
    .values({ key: sql.placeholder('key'), value: sql.placeholder('value') })
    .onConflictDoUpdate({ target: meta.key, set: { value: sql`excluded.value` } })
    .prepare()

export const setMeta = async (tx: Transaction, key: string, value: string): Promise<void> => {
  await tx.prepared(upsert).execute({ key, value })
}
