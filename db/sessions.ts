import { and, eq, inArray, isNull, lt, ne, sql } from 'drizzle-orm'
import { parseAddress, type Address } from '../policies/address.ts'
import type { SessionFacts } from '../policies/facts.ts'
import type { AccountSettings } from './account-settings.ts'
import type { Queries, Reader, Transaction } from './database.ts'
import { appendEvent } from './events.ts'
import type { LastUse } from './last-uses.ts'
import { recordChange, type Actor } from './record.ts'
import { sessions } from './schema/credentials.ts'
import { users } from './schema/users.ts'
import { findUser } from './user-rows.ts'

/** Signed in on the web, a session token (`IBSSO`), or an OAuth 2 access token. */
export type SessionKind = 'web' | 'token' | 'bearer'

/** Why a session is over. */
export type SessionEnd = 'signed-out' | 'ended-by-admin' | 'password-changed' | 'replaced'

export type SessionRow = typeof sessions.$inferSelect

/** A session of which the token was shown, and the epoch of its user as it is now. */
export type FoundSession = Omit<SessionRow, 'digest' | 'kind' | 'boundTo'> & {
  readonly kind: SessionKind
  readonly boundTo: Address | undefined
  /** The stored address cannot be read: the session is of no use. */
  readonly isBroken: boolean
  readonly userEpoch: number
}

export type NewSession = {
  readonly actor: Actor
  readonly userId: string
  readonly kind: SessionKind
  /** SHA-256 of the token, in hex. */
  readonly digest: string
  /** The only address that it may be used from; undefined: any (`unsafe`). */
  readonly boundTo?: Address | undefined
  readonly userAgent?: string | undefined
  /** The key that it was made with. */
  readonly apiKeyId?: string | undefined
  /** How long it is good at the longest, in ms; an account setting. */
  readonly lifeMs: number
}

const longestAgent = 300

const withoutDigest = ({ digest: _, ...session }: SessionRow): Omit<SessionRow, 'digest'> => session

/** A new session of a user; the sign-in is audited, and nobody's rights change by it. */
export const createSession = async (
  tx: Transaction,
  session: NewSession,
): Promise<Omit<SessionRow, 'digest'> | { readonly refused: 'user-unknown' }> => {
  const { actor, userId, kind, digest, boundTo, lifeMs } = session
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const at = tx.now()
  const [row] = await tx.queries
    .insert(sessions)
    .values({
      id: tx.newId(),
      accountId: user.accountId,
      userId,
      kind,
      digest,
      boundTo: boundTo?.text ?? null,
      source: actor.source ?? null,
      userAgent: session.userAgent?.slice(0, longestAgent) ?? null,
      apiKeyId: session.apiKeyId ?? null,
      credentialEpoch: user.credentialEpoch,
      createdAt: at,
      lastSeenAt: at,
      expiresAt: at + lifeMs,
    })
    .returning()
  if (row === undefined) throw new Error('the new session was not written')
  await appendEvent(tx, {
    action: 'session.created',
    channel: actor.channel,
    actorId: actor.userId ?? userId,
    source: actor.source,
    accountId: user.accountId,
    userId,
    username: user.username,
    after: { id: row.id, kind, boundTo: row.boundTo, expiresAt: row.expiresAt },
  })
  return withoutDigest(row)
}

const byDigest = (queries: Queries) =>
  queries
    .select({ session: sessions, userEpoch: users.credentialEpoch })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(eq(sessions.digest, sql.placeholder('digest')))
    .prepare()

/** The session of a token, by its SHA-256 in hex; also when it is over. */
export const findSession = async (
  reader: Reader,
  digest: string,
): Promise<FoundSession | undefined> => {
  const [found] = await reader.prepared(byDigest).execute({ digest })
  if (found === undefined) return undefined
  const { boundTo: text, ...session } = withoutDigest(found.session)
  const boundTo = text === null ? undefined : parseAddress(text)
  return {
    ...session,
    kind: session.kind as SessionKind,
    boundTo,
    isBroken: text !== null && boundTo === undefined,
    userEpoch: found.userEpoch,
  }
}

/** An access token lives as long as its answer said; the others end when nobody uses them. */
export const idleMsOf = (
  kind: SessionKind,
  { sessions: { idleMinutes } }: AccountSettings,
): number => (kind === 'bearer' ? Infinity : idleMinutes * 60_000)

/** How long a session of an account may live, used or not. */
export const lifeMsOf = ({ sessions: { absoluteHours } }: AccountSettings): number =>
  absoluteHours * 3_600_000

/**
 * A session as the policy sees it. Limits count as the account has them now, so that a shorter one
 * holds for sessions that are open too; a change of a secret of the user ends all of them.
 */
export const sessionFactsOf = (
  session: FoundSession,
  settings: AccountSettings,
  now: number,
): SessionFacts => {
  const { kind, createdAt, lastSeenAt, expiresAt, endedAt } = session
  const ended =
    endedAt !== null ||
    session.isBroken ||
    session.credentialEpoch !== session.userEpoch ||
    !(now < expiresAt) ||
    !(now < createdAt + lifeMsOf(settings)) ||
    !(now < lastSeenAt + idleMsOf(kind, settings))
  return { ended, ...(session.boundTo === undefined ? {} : { boundTo: session.boundTo }) }
}

/** When sessions were last used; see `createLastUses`. Neither news nor audit. */
export const writeSessionUses = async (
  tx: Transaction,
  uses: readonly LastUse[],
): Promise<void> => {
  for (const { id, at, source } of uses) {
    await tx.queries
      .update(sessions)
      .set({ lastSeenAt: at, source })
      .where(and(eq(sessions.id, id), isNull(sessions.endedAt), lt(sessions.lastSeenAt, at)))
  }
}

/** Ends one session of an account. */
export const endSession = async (
  tx: Transaction,
  {
    actor,
    accountId,
    id,
    reason,
  }: {
    readonly actor: Actor
    readonly accountId: string
    readonly id: string
    readonly reason: SessionEnd
  },
): Promise<{ readonly ended: true } | { readonly refused: 'not-found' }> => {
  const isOpen = and(
    eq(sessions.id, id),
    eq(sessions.accountId, accountId),
    isNull(sessions.endedAt),
  )
  const [row] = await tx.queries
    .update(sessions)
    .set({ endedAt: tx.now(), endReason: reason })
    .where(isOpen)
    .returning()
  if (row === undefined) return { refused: 'not-found' }
  await recordChange(tx, {
    actor,
    kind: 'session',
    action: 'session.ended',
    accountId,
    user: await findUser(tx, row.userId),
    before: { id, kind: row.kind, source: row.source },
    after: { reason },
  })
  return { ended: true }
}

/** Ends the sessions of a user, of some kinds or all but one; answers how many. */
export const endSessionsOf = async (
  tx: Transaction,
  {
    actor,
    userId,
    reason,
    kinds = ['web', 'token', 'bearer'],
    except = '',
  }: {
    readonly actor: Actor
    readonly userId: string
    readonly reason: SessionEnd
    readonly kinds?: readonly SessionKind[]
    /** The id of the one that goes on: the own one. */
    readonly except?: string
  },
): Promise<{ readonly ended: number } | { readonly refused: 'user-unknown' }> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const isOpen = and(
    eq(sessions.userId, userId),
    isNull(sessions.endedAt),
    inArray(sessions.kind, [...kinds]),
    ne(sessions.id, except),
  )
  const rows = await tx.queries
    .update(sessions)
    .set({ endedAt: tx.now(), endReason: reason })
    .where(isOpen)
    .returning({ id: sessions.id })
  if (rows.length === 0) return { ended: 0 }
  await recordChange(tx, {
    actor,
    kind: 'session',
    action: 'session.all-ended',
    accountId: user.accountId,
    user,
    before: { sessions: rows.length },
    after: { reason },
  })
  return { ended: rows.length }
}
