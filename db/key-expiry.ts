import { and, asc, eq, gt, inArray, lte, or } from 'drizzle-orm'
import { transact, type Database } from './database.ts'
import { recordNotice } from './notices.ts'
import { apiKeys } from './schema/credentials.ts'
import { notices } from './schema/notices.ts'
import { users } from './schema/users.ts'

const dayMs = 86_400_000

/** How many days before its end a key is told of; each once. */
const stages = [1, 7] as const

const keysAtOnce = 200

type Ending = {
  readonly id: string
  readonly accountId: string
  readonly userId: string
  readonly expiresAt: number
  readonly updatedAt: number
}

/** A page of enabled keys of enabled users that end within the longest stage, the soonest first. */
const findEnding = async (
  { queries, now }: Database,
  after: Ending | undefined,
): Promise<readonly Ending[]> => {
  const { id, accountId, userId, expiresAt, updatedAt } = apiKeys
  const from = after?.expiresAt ?? now()
  const isBehind = or(
    gt(expiresAt, from),
    after && and(eq(expiresAt, after.expiresAt), gt(id, after.id)),
  )
  const rows = await queries
    .select({ id, accountId, userId, expiresAt, updatedAt })
    .from(apiKeys)
    .innerJoin(users, eq(users.id, userId))
    .where(
      and(
        isBehind,
        lte(expiresAt, now() + dayMs * Math.max(...stages)),
        eq(apiKeys.enabled, true),
        eq(users.enabled, true),
      ),
    )
    .orderBy(asc(expiresAt), asc(id))
    .limit(keysAtOnce)
  return rows.map((row) => ({ ...row, expiresAt: row.expiresAt ?? 0 }))
}

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
  for (let last: Ending | undefined; ;) {
    const keys = await findEnding(database, last)
    await recordSome(database, keys)
    last = keys.at(-1)
    if (keys.length < keysAtOnce) return
  }
}
