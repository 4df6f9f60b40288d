import { and, count, desc, eq, gt, gte, inArray, isNotNull, isNull, lt, lte, or } from 'drizzle-orm'
import type { WrittenEntry } from '../policies/safelist.ts'
import type { Reader } from './database.ts'
import { invites } from './schema/proofs.ts'
import { roles, users } from './schema/users.ts'
import type { Profile } from './user-profile.ts'

export type InviteRow = typeof invites.$inferSelect

/** What the invited person will be, beside roles and access. */
export type InviteProfile = Omit<Profile, 'email'>

/** Expired is who is neither accepted nor revoked when the seven days are over. */
export type InviteState = 'pending' | 'accepted' | 'expired' | 'revoked'

/** An invite as an admin sees one: no digest of its link. Times in ms since the epoch. */
export type InviteView = {
  readonly id: string
  readonly accountId: string
  readonly email: string
  readonly profile: InviteProfile
  /** Those of its roles that there are still. */
  readonly roles: readonly { readonly id: string; readonly name: string }[]
  readonly safelist: readonly WrittenEntry[]
  readonly apiAccess: { readonly http: boolean; readonly smpp: boolean }
  readonly invitedBy: { readonly id: string; readonly username: string | null }
  readonly state: InviteState
  readonly createdAt: number
  readonly sentAt: number
  readonly expiresAt: number
  readonly acceptedAt: number | null
  readonly acceptedUserId: string | null
  readonly revokedAt: number | null
  readonly version: number
}

/** One that ended by itself stays expired, also when a later one took its place. */
export const stateOf = (row: InviteRow, now: number): InviteState => {
  if (row.acceptedAt !== null) return 'accepted'
  if (row.revokedAt !== null) return row.revokedAt < row.expiresAt ? 'revoked' : 'expired'
  return row.expiresAt <= now ? 'expired' : 'pending'
}

export const safelistOf = ({ safelist }: InviteRow): readonly WrittenEntry[] =>
  safelist as readonly WrittenEntry[]

export const profileOf = ({ profile }: InviteRow): InviteProfile => profile

const isIn = (state: InviteState, now: number) => {
  const { acceptedAt, revokedAt, expiresAt } = invites
  const isOpen = and(isNull(acceptedAt), isNull(revokedAt))
  if (state === 'accepted') return isNotNull(acceptedAt)
  if (state === 'revoked') return and(isNotNull(revokedAt), lt(revokedAt, expiresAt))
  return state === 'pending'
    ? and(isOpen, gt(expiresAt, now))
    : or(and(isOpen, lte(expiresAt, now)), and(isNotNull(revokedAt), gte(revokedAt, expiresAt)))
}

/** Rows as an admin sees them, in two further queries however many they are. */
export const inviteViewsOf = async (
  reader: Reader,
  rows: readonly InviteRow[],
): Promise<readonly InviteView[]> => {
  const named = await reader.queries
    .select({ id: roles.id, name: roles.name })
    .from(roles)
    .where(inArray(roles.id, [...new Set(rows.flatMap(({ roleIds }) => roleIds))]))
  const inviters = await reader.queries
    .select({ id: users.id, username: users.username })
    .from(users)
    .where(inArray(users.id, [...new Set(rows.map(({ invitedBy }) => invitedBy))]))
  const now = reader.now()
  return rows.map((row) => ({
    id: row.id,
    accountId: row.accountId,
    email: row.email,
    profile: profileOf(row),
    roles: row.roleIds.flatMap((id) => named.filter((role) => role.id === id)),
    safelist: safelistOf(row),
    apiAccess: { http: row.httpBasic, smpp: row.smppBasic },
    invitedBy: {
      id: row.invitedBy,
      username: inviters.find(({ id }) => id === row.invitedBy)?.username ?? null,
    },
    state: stateOf(row, now),
    createdAt: row.createdAt,
    sentAt: row.sentAt,
    expiresAt: row.expiresAt,
    acceptedAt: row.acceptedAt,
    acceptedUserId: row.acceptedUserId,
    revokedAt: row.revokedAt,
    version: row.version,
  }))
}

export type InvitesOf = {
  readonly accountId: string
  readonly state?: InviteState | undefined
}

const isOf = (reader: Reader, { accountId, state }: InvitesOf) =>
  and(eq(invites.accountId, accountId), state && isIn(state, reader.now()))

/** A page of an account's invites, the newest first, before the id `after`. */
export const findInvitePage = async (
  reader: Reader,
  {
    after,
    limit,
    ...of
  }: InvitesOf & { readonly after?: string | undefined; readonly limit: number },
): Promise<readonly InviteView[]> => {
  const isBehind = after === undefined ? undefined : lt(invites.id, after)
  const rows = await reader.queries
    .select()
    .from(invites)
    .where(and(isOf(reader, of), isBehind))
    .orderBy(desc(invites.id))
    .limit(limit)
  return inviteViewsOf(reader, rows)
}

export const countInvites = async (reader: Reader, of: InvitesOf): Promise<number> =>
  (await reader.queries.select({ invites: count() }).from(invites).where(isOf(reader, of)))[0]
    ?.invites ?? 0

/** An invite of this account, by its id. */
export const findInviteRow = async (
  reader: Reader,
  accountId: string,
  id: string,
): Promise<InviteRow | undefined> => {
  const isIt = and(eq(invites.accountId, accountId), eq(invites.id, id))
  return (await reader.queries.select().from(invites).where(isIt))[0]
}

export const findInvite = async (
  reader: Reader,
  accountId: string,
  id: string,
): Promise<InviteView | undefined> => {
  const row = await findInviteRow(reader, accountId, id)
  return row && (await inviteViewsOf(reader, [row]))[0]
}

/** The invite of a link, by the SHA-256 of its token in hex, in whatever state. */
export const findInviteByDigest = async (
  reader: Reader,
  digest: string,
): Promise<InviteView | undefined> =>
  (
    await inviteViewsOf(
      reader,
      await reader.queries.select().from(invites).where(eq(invites.digest, digest)),
    )
  )[0]
