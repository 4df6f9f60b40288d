import { and, asc, count, eq, gt, inArray, isNull, lt, or } from 'drizzle-orm'
import type { AccountSettings } from './account-settings.ts'
import type { Reader, Transaction } from './database.ts'
import { sessions } from './schema/credentials.ts'
import { users } from './schema/users.ts'
import { idleMsOf, lifeMsOf, type SessionKind } from './sessions.ts'

/** A live session as a list shows it: no digest. Times in ms since the epoch. */
export type SessionView = {
  readonly id: string
  readonly userId: string
  readonly username: string
  readonly kind: SessionKind
  readonly source: string | null
  readonly userAgent: string | null
  readonly boundTo: string | null
  readonly apiKeyId: string | null
  readonly createdAt: number
  readonly lastSeenAt: number
  readonly expiresAt: number
}

/** Live sessions of an account, or of one of its users. */
export type SessionsOf = {
  readonly accountId: string
  readonly settings: AccountSettings
  readonly userId?: string | undefined
}

/** As `sessionFactsOf` says it of one. */
const isLive = (reader: Reader, { accountId, settings, userId }: SessionsOf) => {
  const now = reader.now()
  return and(
    eq(sessions.accountId, accountId),
    userId === undefined ? undefined : eq(sessions.userId, userId),
    isNull(sessions.endedAt),
    gt(sessions.expiresAt, now),
    gt(sessions.createdAt, now - lifeMsOf(settings)),
    or(eq(sessions.kind, 'bearer'), gt(sessions.lastSeenAt, now - idleMsOf('web', settings))),
    eq(sessions.credentialEpoch, users.credentialEpoch),
    eq(users.enabled, true),
  )
}

/** A page of live sessions, the oldest first, after the id `after`. */
export const findSessionPage = async (
  reader: Reader,
  {
    after = '',
    limit,
    ...of
  }: SessionsOf & { readonly after?: string | undefined; readonly limit: number },
): Promise<readonly SessionView[]> => {
  const rows = await reader.queries
    .select({
      id: sessions.id,
      userId: sessions.userId,
      username: users.username,
      kind: sessions.kind,
      source: sessions.source,
      userAgent: sessions.userAgent,
      boundTo: sessions.boundTo,
      apiKeyId: sessions.apiKeyId,
      createdAt: sessions.createdAt,
      lastSeenAt: sessions.lastSeenAt,
      expiresAt: sessions.expiresAt,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(isLive(reader, of), gt(sessions.id, after)))
    .orderBy(asc(sessions.id))
    .limit(limit)
  return rows.map((row) => ({ ...row, kind: row.kind as SessionKind }))
}

/** Whose an open session of the account is. */
export const findSessionOwner = async (
  reader: Reader,
  accountId: string,
  id: string,
): Promise<string | undefined> => {
  const [row] = await reader.queries
    .select({ userId: sessions.userId })
    .from(sessions)
    .where(and(eq(sessions.id, id), eq(sessions.accountId, accountId), isNull(sessions.endedAt)))
  return row?.userId
}

export const countSessions = async (reader: Reader, of: SessionsOf): Promise<number> =>
  (
    await reader.queries
      .select({ sessions: count() })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .where(isLive(reader, of))
  )[0]?.sessions ?? 0

/**
 * Lets go of up to `limit` sessions whose time was over before `before`; answers how many. What they
 * were is in the audit.
 */
export const pruneSessions = async (
  tx: Transaction,
  { before, limit }: { readonly before: number; readonly limit: number },
): Promise<number> => {
  const over = await tx.queries
    .select({ id: sessions.id })
    .from(sessions)
    .where(lt(sessions.expiresAt, before))
    .orderBy(asc(sessions.expiresAt))
    .limit(limit)
  if (over.length === 0) return 0
  const ids = over.map(({ id }) => id)
  await tx.queries.delete(sessions).where(inArray(sessions.id, ids))
  return ids.length
}
