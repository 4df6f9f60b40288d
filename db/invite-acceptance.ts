import { and, eq, isNull } from 'drizzle-orm'
import type { Fault } from '../policies/faults.ts'
import { holds } from '../policies/permissions.ts'
import type { Transaction } from './database.ts'
import {
  profileOf,
  safelistOf,
  stateOf,
  type InviteProfile,
  type InviteRow,
} from './invite-rows.ts'
import { reachesBeyond, recordInvite } from './invites.ts'
import type { Actor } from './record.ts'
import { findPermissions } from './role-lists.ts'
import { findRoles } from './roles.ts'
import { invites } from './schema/proofs.ts'
import { users } from './schema/users.ts'
import { findUserOf, type UserRow } from './user-rows.ts'
import { createUser } from './users.ts'

export type Acceptance = {
  /** The door and the address; nobody is signed in yet. */
  readonly actor: Actor
  /** SHA-256 in hex of the token in the link. */
  readonly digest: string
  readonly username: string
  readonly passwordHash: string
  /** What the person writes otherwise than the invite has it; the address stays the invited one. */
  readonly profile?: InviteProfile
}

/**
 * `invite-over`: accepted, revoked, expired, or there never was such a link. `invite-void`: its
 * inviter may not give any more what it gives, or a role of it is gone.
 */
export type NotAccepted =
  | { readonly faults: readonly Fault[] }
  | { readonly refused: 'invite-over' | 'invite-void' | 'username-taken' | 'email-taken' }

/** Whether the inviter could invite to the same now (U7). */
const isStillGiven = async (tx: Transaction, row: InviteRow): Promise<boolean> => {
  const inviter = await findUserOf(tx, row.accountId, row.invitedBy)
  if (inviter?.enabled !== true) return false
  const granted = await findRoles(tx, row.accountId, row.roleIds)
  const held = await findPermissions(tx, inviter.id)
  return granted !== undefined && holds(held, 'users/invite') && !reachesBeyond(row, granted, held)
}

const newUserOf = (row: InviteRow, { actor, username, passwordHash, profile }: Acceptance) => {
  const { mobileNumber, ...rest } = { ...profileOf(row), ...profile }
  const known = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  return {
    ...known,
    ...(typeof mobileNumber === 'string' ? { mobileNumber } : {}),
    actor,
    accountId: row.accountId,
    username,
    email: row.email,
    passwordHash,
    roles: row.roleIds,
    safelist: safelistOf(row),
    apiAccess: { http: row.httpBasic, smpp: row.smppBasic },
  }
}

/**
 * Makes the invited person a user, once: what the invite gives is checked again against what its
 * inviter holds at this moment. Who came by the link owns the address, so it is verified.
 */
export const acceptInvite = async (
  tx: Transaction,
  acceptance: Acceptance,
): Promise<UserRow | NotAccepted> => {
  const { digest, actor } = acceptance
  const [row] = await tx.queries.select().from(invites).where(eq(invites.digest, digest))
  if (row === undefined || stateOf(row, tx.now()) !== 'pending') return { refused: 'invite-over' }
  if (!(await isStillGiven(tx, row))) return { refused: 'invite-void' }
  const made = await createUser(tx, newUserOf(row, acceptance))
  if ('faults' in made) return made
  if ('refused' in made)
    return made.refused === 'role-unknown' ? { refused: 'invite-void' } : { refused: made.refused }
  const isOpen = and(eq(invites.id, row.id), isNull(invites.acceptedAt), isNull(invites.revokedAt))
  const [accepted] = await tx.queries
    .update(invites)
    .set({ acceptedAt: tx.now(), acceptedUserId: made.id, version: row.version + 1 })
    .where(isOpen)
    .returning()
  // Nothing is written then: the new user goes with the transaction.
  if (accepted === undefined) throw new Error('the invite was accepted meanwhile')
  const by = { ...actor, userId: made.id }
  await recordInvite(tx, { actor: by, action: 'invite.accepted', after: accepted })
  const [user] = await tx.queries
    .update(users)
    .set({ emailVerified: true })
    .where(eq(users.id, made.id))
    .returning()
  return user ?? made
}
