import { and, eq, isNull } from 'drizzle-orm'
import type { Fault } from '../policies/faults.ts'
import { foldEmail } from '../policies/names.ts'
import { beyond, holds, type Permissions } from '../policies/permissions.ts'
import type { WrittenEntry } from '../policies/safelist.ts'
import type { Transaction } from './database.ts'
import { appendEvent } from './events.ts'
import {
  findInviteRow,
  inviteViewsOf,
  stateOf,
  type InviteProfile,
  type InviteRow,
  type InviteView,
} from './invite-rows.ts'
import type { Actor } from './record.ts'
import { findRoles, grantsOfRole, type Role } from './roles.ts'
import { readEntries } from './safelists.ts'
import { invites } from './schema/proofs.ts'
import { emailFaults, isEmailTaken, mobileFaults } from './user-profile.ts'

/** How long an invite is good, from each time that it is sent (U7). */
const inviteMs = 7 * 86_400_000

/** A user: what an invite gives is checked against the inviter's rights, now and on acceptance. */
export type Inviter = Actor & { readonly userId: string }

export type NewInvite = {
  readonly actor: Inviter
  readonly accountId: string
  /** What the inviter may do. */
  readonly held: Permissions
  readonly email: string
  readonly profile?: InviteProfile
  /** Ids of roles of the account, or predefined ids. */
  readonly roles?: readonly string[]
  readonly safelist?: readonly WrittenEntry[]
  readonly apiAccess?: { readonly http: boolean; readonly smpp: boolean }
  /** SHA-256 in hex of the token in the link, which has 128 random bits or more. */
  readonly digest: string
}

type Given = Pick<InviteRow, 'httpBasic' | 'smppBasic' | 'safelist'>

/** Whether an invite gives more than somebody holds: roles, protocols or a safelist. */
export const reachesBeyond = (given: Given, granted: readonly Role[], held: Permissions): boolean =>
  beyond(granted.flatMap(grantsOfRole), held).length > 0 ||
  ((given.httpBasic || given.smppBasic) && !holds(held, 'api-access/manage')) ||
  (given.safelist.length > 0 && !holds(held, 'safelist/manage'))

/** What the audit shows of an invite. */
const shown = (row: InviteRow) => ({
  id: row.id,
  email: row.email,
  roleIds: row.roleIds,
  safelist: row.safelist,
  apiAccess: { http: row.httpBasic, smpp: row.smppBasic },
  expiresAt: row.expiresAt,
})

/** An invite changes nobody's rights until it is accepted, so there is no news of it. */
export const recordInvite = (
  tx: Transaction,
  {
    actor,
    action,
    before,
    after,
  }: {
    readonly actor: Actor
    readonly action: string
    readonly before?: InviteRow
    readonly after?: InviteRow
  },
): Promise<string> =>
  appendEvent(tx, {
    action,
    channel: actor.channel,
    actorId: actor.userId,
    source: actor.source,
    accountId: (after ?? before)?.accountId,
    before: before && shown(before),
    after: after && shown(after),
  })

const viewOf = async (tx: Transaction, row: InviteRow): Promise<InviteView> => {
  const [view] = await inviteViewsOf(tx, [row])
  if (view === undefined) throw new Error('an invite without a view')
  return view
}

/** An address is free when no user has it and no invite to it is pending; an expired one gives way. */
const takeEmail = async (tx: Transaction, accountId: string, email: string): Promise<boolean> => {
  if (await isEmailTaken(tx, { accountId, email })) return false
  const isOpen = and(
    eq(invites.accountId, accountId),
    eq(invites.emailKey, foldEmail(email)),
    isNull(invites.acceptedAt),
    isNull(invites.revokedAt),
  )
  const [open] = await tx.queries.select().from(invites).where(isOpen)
  if (open === undefined) return true
  const now = tx.now()
  if (stateOf(open, now) === 'pending') return false
  await tx.queries.update(invites).set({ revokedAt: now }).where(eq(invites.id, open.id))
  return true
}

export type NotInvited =
  | { readonly faults: readonly Fault[] }
  | { readonly refused: 'email-taken' | 'role-unknown' | 'beyond-own-rights' }

/**
 * Invites somebody (U7), to no more than the inviter holds. The notice of it mails the link, which is
 * made then: what this digest is of need be known to nobody.
 */
export const createInvite = async (
  tx: Transaction,
  invite: NewInvite,
): Promise<InviteView | NotInvited> => {
  const { actor, accountId, email, digest, held, profile = {} } = invite
  const { safelist = [], apiAccess = { http: false, smpp: false } } = invite
  const { ranges, faults: ofList } = readEntries(safelist)
  const faults = [...emailFaults(email), ...mobileFaults(profile.mobileNumber), ...ofList]
  if (faults.length > 0) return { faults }
  const granted = await findRoles(tx, accountId, invite.roles ?? [])
  if (granted === undefined) return { refused: 'role-unknown' }
  const given = {
    httpBasic: apiAccess.http,
    smppBasic: apiAccess.smpp,
    safelist: ranges.map(({ range, description, expiresAt }) => ({
      range: range.text,
      ...(description === undefined ? {} : { description }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })),
  }
  if (reachesBeyond(given, granted, held)) return { refused: 'beyond-own-rights' }
  if (!(await takeEmail(tx, accountId, email))) return { refused: 'email-taken' }
  const at = tx.now()
  const [row] = await tx.queries
    .insert(invites)
    .values({
      id: tx.newId(),
      accountId,
      email,
      emailKey: foldEmail(email),
      profile,
      roleIds: granted.map(({ id }) => id),
      ...given,
      digest,
      invitedBy: actor.userId,
      createdAt: at,
      sentAt: at,
      expiresAt: at + inviteMs,
    })
    .returning()
  if (row === undefined) throw new Error('the new invite was not written')
  await recordInvite(tx, { actor, action: 'invite.created', after: row })
  return viewOf(tx, row)
}

/** Which invite is to be changed, by whom, and for which version of it that is meant. */
type OfInvite = {
  readonly actor: Inviter
  readonly accountId: string
  readonly held: Permissions
  readonly id: string
  readonly version?: number | undefined
}

/** `invite-over`: it was accepted or revoked, or (to be revoked) has expired. */
export type InviteRefusal = {
  readonly refused: 'not-found' | 'stale' | 'invite-over' | 'beyond-own-rights'
}

const findOpen = async (
  tx: Transaction,
  { accountId, held, id, version }: OfInvite,
): Promise<InviteRow | InviteRefusal> => {
  const row = await findInviteRow(tx, accountId, id)
  if (row === undefined) return { refused: 'not-found' }
  const granted = (await findRoles(tx, accountId, row.roleIds)) ?? []
  if (reachesBeyond(row, granted, held)) return { refused: 'beyond-own-rights' }
  if (version !== undefined && version !== row.version) return { refused: 'stale' }
  return row.acceptedAt !== null || row.revokedAt !== null ? { refused: 'invite-over' } : row
}

const changeInvite = async (
  tx: Transaction,
  {
    actor,
    row,
    action,
    set,
  }: {
    readonly actor: Actor
    readonly row: InviteRow
    readonly action: string
    readonly set: Partial<InviteRow>
  },
): Promise<InviteView> => {
  const [changed] = await tx.queries
    .update(invites)
    .set({ ...set, version: row.version + 1 })
    .where(eq(invites.id, row.id))
    .returning()
  if (changed === undefined) throw new Error('the invite to change is gone')
  await recordInvite(tx, { actor, action, before: row, after: changed })
  return viewOf(tx, changed)
}

/**
 * A new link and the seven days anew, for one that has expired too; the link before is of no use
 * any more. Who resends answers for it from then on.
 */
export const resendInvite = async (
  tx: Transaction,
  { digest, ...of }: OfInvite & { readonly digest: string },
): Promise<InviteView | InviteRefusal | { readonly refused: 'email-taken' }> => {
  const row = await findOpen(tx, of)
  if ('refused' in row) return row
  const { accountId, email } = row
  if (await isEmailTaken(tx, { accountId, email })) return { refused: 'email-taken' }
  const { actor } = of
  const sentAt = tx.now()
  const set = { digest, sentAt, expiresAt: sentAt + inviteMs, invitedBy: actor.userId }
  return changeInvite(tx, { actor, row, action: 'invite.resent', set })
}

/** Ends a pending invite. */
export const revokeInvite = async (
  tx: Transaction,
  of: OfInvite,
): Promise<InviteView | InviteRefusal> => {
  const row = await findOpen(tx, of)
  if ('refused' in row) return row
  const revokedAt = tx.now()
  if (stateOf(row, revokedAt) !== 'pending') return { refused: 'invite-over' }
  const { actor } = of
  return changeInvite(tx, { actor, row, action: 'invite.revoked', set: { revokedAt } })
}
