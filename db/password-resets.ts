import { and, eq, gt, inArray, isNull, lte } from 'drizzle-orm'
import type { Reader, Transaction } from './database.ts'
import { unlockUser } from './locks.ts'
import { setPassword } from './passwords.ts'
import type { Actor } from './record.ts'
import { passwordResets } from './schema/proofs.ts'
import { findUser, type UserRow } from './user-rows.ts'

/** `created`: the first password, of who was made without one; `reset`: a new one; `setup`: the first admin's. */
export type ResetPurpose = 'created' | 'reset' | 'setup'

const hourMs = 3_600_000

/** How long a link works: an hour where it was asked for, as long as an invite where it was not. */
const lifeMs: Readonly<Record<ResetPurpose, number>> = {
  created: 7 * 24 * hourMs,
  reset: hourMs,
  setup: 24 * hourMs,
}

export type PasswordReset = {
  readonly id: string
  readonly purpose: ResetPurpose
  readonly expiresAt: number
  /** Whose password it sets: a row with hashes, never to be answered. */
  readonly user: UserRow
}

/** A link by which a user sets a password: `digest` is the SHA-256 in hex of its token. */
export const createPasswordReset = async (
  tx: Transaction,
  {
    user,
    purpose,
    digest,
    source,
  }: {
    readonly user: Pick<UserRow, 'id' | 'credentialEpoch'>
    readonly purpose: ResetPurpose
    readonly digest: string
    /** From where it was asked for. */
    readonly source?: string | undefined
  },
): Promise<{ readonly expiresAt: number }> => {
  const at = tx.now()
  const expiresAt = at + lifeMs[purpose]
  const { id: userId, credentialEpoch } = user
  await tx.queries.insert(passwordResets).values({
    ...{ id: tx.newId(), userId, digest, purpose, credentialEpoch, expiresAt },
    source: source ?? null,
    createdAt: at,
  })
  return { expiresAt }
}

/**
 * The link of a digest, if it works now: unused, not expired, its user enabled, and no secret of
 * theirs changed since. Finding it consumes nothing (G8).
 */
export const findPasswordReset = async (
  reader: Reader,
  digest: string,
): Promise<PasswordReset | undefined> => {
  const [row] = await reader.queries
    .select()
    .from(passwordResets)
    .where(
      and(
        eq(passwordResets.digest, digest),
        isNull(passwordResets.usedAt),
        gt(passwordResets.expiresAt, reader.now()),
      ),
    )
  const user = row && (await findUser(reader, row.userId))
  if (row === undefined || user?.enabled !== true) return undefined
  if (user.credentialEpoch !== row.credentialEpoch) return undefined
  return { id: row.id, purpose: row.purpose as ResetPurpose, expiresAt: row.expiresAt, user }
}

/**
 * Sets the password by a link, once (G3); every other link of the user is void by it, and so are
 * locks and failures, which were about the password before.
 */
export const usePasswordReset = async (
  tx: Transaction,
  {
    digest,
    hash,
    ...by
  }: {
    /** The door and the address; the user of the link is who acts. */
    readonly actor: Omit<Actor, 'userId'>
    readonly digest: string
    readonly hash: string
  },
): Promise<UserRow | { readonly refused: 'link-over' }> => {
  const found = await findPasswordReset(tx, digest)
  if (found === undefined) return { refused: 'link-over' }
  await tx.queries
    .update(passwordResets)
    .set({ usedAt: tx.now() })
    .where(eq(passwordResets.id, found.id))
  const of = { actor: { ...by.actor, userId: found.user.id }, userId: found.user.id }
  await unlockUser(tx, of)
  const user = await setPassword(tx, { ...of, hash })
  if ('refused' in user) throw new Error('the user of a link is gone')
  return user
}

/** Voids what was mailed to an address that is no longer the user's. */
export const dropPasswordResets = async (tx: Transaction, userId: string): Promise<void> => {
  await tx.queries
    .delete(passwordResets)
    .where(and(eq(passwordResets.userId, userId), isNull(passwordResets.usedAt)))
}

/** Forgets some of the links that are over; answers how many. */
export const prunePasswordResets = async (tx: Transaction, limit = 500): Promise<number> => {
  const over = await tx.queries
    .select({ id: passwordResets.id })
    .from(passwordResets)
    .where(lte(passwordResets.expiresAt, tx.now() - lifeMs.created))
    .limit(limit)
  const ids = over.map(({ id }) => id)
  if (ids.length > 0) await tx.queries.delete(passwordResets).where(inArray(passwordResets.id, ids))
  return ids.length
}
