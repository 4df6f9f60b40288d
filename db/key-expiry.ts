import { inArray } from 'drizzle-orm'
import { findExpiringApiKeys, type ApiKeyView, type Expiring } from './api-key-lists.ts'
import { transact, type Database } from './database.ts'
import { recordNotice } from './notices.ts'
import { notices } from './schema/notices.ts'

const dayMs = 86_400_000

/** How many days before its end a key is told of; each once. */
const stages = [1, 7] as const

const keysAtOnce = 200

type Ending = ApiKeyView & Expiring

/** The notice that is due of a key; none while whoever changed it last knew that it ends so soon. */
const wantedOf = (key: Ending, now: number) => {
  const stage = stages.find((days) => key.expiresAt - now <= days * dayMs)
  if (stage === undefined || key.expiresAt - key.updatedAt <= stage * dayMs) return []
  return [{ ...key, told: `api-key:${key.id}:${key.expiresAt}:${stage}` }]
}

const recordSome = async (database: Database, keys: readonly Ending[]): Promise<void> => {
  const wanted = keys.flatMap((key) => wantedOf(key, database.now()))
  if (wanted.length === 0) return
  const known = await database.queries
    .select({ key: notices.key })
    .from(notices)
    .where(
      inArray(
        notices.key,
        wanted.map(({ told }) => told),
      ),
    )
  const before = new Set(known.map(({ key }) => key))
  const fresh = wanted.filter(({ told }) => !before.has(told))
  if (fresh.length === 0) return
  await transact(database, async (tx) => {
    for (const { id: keyId, told: key, accountId, userId, expiresAt } of fresh)
      await recordNotice(tx, {
        ...{ key, accountId, userId },
        facts: { kind: 'key-expiring', keyId, expiresAt },
      })
  })
}

/** Records a notice of each API key that ends within 7 days, and again within one; each once, on any node. */
export const recordExpiringKeys = async (database: Database): Promise<void> => {
  for (let after: Expiring | undefined; ;) {
    const withinMs = dayMs * Math.max(...stages)
    const found = await findExpiringApiKeys(database, { withinMs, after, limit: keysAtOnce })
    const keys = found.map((key) => ({ ...key, expiresAt: key.expiresAt ?? 0 }))
    await recordSome(database, keys)
    after = keys.at(-1)
    if (keys.length < keysAtOnce) return
  }
}
