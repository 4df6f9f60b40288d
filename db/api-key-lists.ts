import { and, asc, count, eq, getTableColumns, gt, lt, lte, or, isNull } from 'drizzle-orm'
import type { ApiKey } from './api-keys.ts'
import type { Reader, Transaction } from './database.ts'
import type { LastUse } from './last-uses.ts'
import { apiKeys } from './schema/credentials.ts'
import { users } from './schema/users.ts'

/** A key as a list shows it: without its digests, and with the name of its user. */
export type ApiKeyView = ApiKey & { readonly username: string }

const withoutDigests = ({ digest: _, previousDigest: __, ...columns }: typeof apiKeys._.columns) =>
  columns

const visible = withoutDigests(getTableColumns(apiKeys))

const select = (reader: Reader) =>
  reader.queries
    .select({ ...visible, username: users.username })
    .from(apiKeys)
    .innerJoin(users, eq(users.id, apiKeys.userId))

/** Which keys a list is of: of an account, or of one of its users. */
export type ApiKeysOf = { readonly accountId: string; readonly userId?: string | undefined }

const isOf = ({ accountId, userId }: ApiKeysOf) =>
  and(
    eq(apiKeys.accountId, accountId),
    userId === undefined ? undefined : eq(apiKeys.userId, userId),
  )

/** A page of keys, the oldest first, after the id `after`. */
export const findApiKeyPage = (
  reader: Reader,
  {
    after = '',
    limit,
    ...of
  }: ApiKeysOf & { readonly after?: string | undefined; readonly limit: number },
): Promise<readonly ApiKeyView[]> =>
  select(reader)
    .where(and(isOf(of), gt(apiKeys.id, after)))
    .orderBy(asc(apiKeys.id))
    .limit(limit)

export const countApiKeys = async (reader: Reader, of: ApiKeysOf): Promise<number> =>
  (await reader.queries.select({ keys: count() }).from(apiKeys).where(isOf(of)))[0]?.keys ?? 0

/** A key of this account, by its id. */
export const findApiKeyView = async (
  reader: Reader,
  accountId: string,
  id: string,
): Promise<ApiKeyView | undefined> =>
  (await select(reader).where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, id))))[0]

/** Where the page before ended. */
export type Expiring = { readonly expiresAt: number; readonly id: string }

/**
 * Keys of all accounts that end within so many ms, the next to end first: what their users are to
 * be told. Neither keys that are disabled nor those of disabled users, who are told nothing (U4).
 */
export const findExpiringApiKeys = (
  reader: Reader,
  {
    withinMs,
    after,
    limit,
  }: { readonly withinMs: number; readonly after?: Expiring | undefined; readonly limit: number },
): Promise<readonly ApiKeyView[]> => {
  const now = reader.now()
  const isBehind =
    after &&
    or(
      gt(apiKeys.expiresAt, after.expiresAt),
      and(eq(apiKeys.expiresAt, after.expiresAt), gt(apiKeys.id, after.id)),
    )
  return select(reader)
    .where(
      and(
        gt(apiKeys.expiresAt, now),
        lte(apiKeys.expiresAt, now + withinMs),
        eq(apiKeys.enabled, true),
        eq(users.enabled, true),
        isBehind,
      ),
    )
    .orderBy(asc(apiKeys.expiresAt), asc(apiKeys.id))
    .limit(limit)
}

/** When and from where keys were last used; a later use stays. Neither news nor audit. */
export const writeKeyUses = async (tx: Transaction, uses: readonly LastUse[]): Promise<void> => {
  for (const { id, at, source } of uses) {
    const isLater = or(isNull(apiKeys.lastUsedAt), lt(apiKeys.lastUsedAt, at))
    await tx.queries
      .update(apiKeys)
      .set({ lastUsedAt: at, lastUsedSource: source })
      .where(and(eq(apiKeys.id, id), isLater))
  }
}
