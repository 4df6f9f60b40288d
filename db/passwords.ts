import { eq } from 'drizzle-orm'
import type { Transaction } from './database.ts'
import type { Actor } from './record.ts'
import { users } from './schema/users.ts'
import { changeUser } from './user-changes.ts'
import { findUser, type UserRow } from './user-rows.ts'

const noPrevious = { previousSmppPasswordHash: null, previousSmppPasswordUntil: null } as const

export type PasswordSet = UserRow | { readonly refused: 'user-unknown' }

/** A new password, as its hash; what was verified under the old one no longer counts. */
export const setPassword = async (
  tx: Transaction,
  {
    actor,
    userId,
    hash,
  }: { readonly actor: Actor; readonly userId: string; readonly hash: string },
): Promise<PasswordSet> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  return changeUser(tx, {
    actor,
    user,
    kind: 'password',
    action: 'user.password-changed',
    set: {
      passwordHash: hash,
      passwordChangedAt: tx.now(),
      credentialEpoch: user.credentialEpoch + 1,
      // What an overlap left of it at the SMPP door goes too.
      ...(user.previousSmppPasswordHash === user.passwordHash ? noPrevious : {}),
    },
  })
}

/**
 * A new SMPP password, as its hash, or none (the ordinary one binds then). With an overlap the one
 * that bound before stays good for so many ms, since ESMEs are changed one after the other.
 */
export const setSmppPassword = async (
  tx: Transaction,
  {
    actor,
    userId,
    hash,
    overlapMs = 0,
  }: {
    readonly actor: Actor
    readonly userId: string
    readonly hash: string | null
    readonly overlapMs?: number
  },
): Promise<PasswordSet> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const before = user.smppPasswordHash ?? user.passwordHash
  const hasOverlap = overlapMs > 0 && before !== null
  return changeUser(tx, {
    actor,
    user,
    kind: 'password',
    action: 'user.smpp-password-changed',
    set: {
      smppPasswordHash: hash,
      ...(hasOverlap
        ? { previousSmppPasswordHash: before, previousSmppPasswordUntil: tx.now() + overlapMs }
        : noPrevious),
      credentialEpoch: user.credentialEpoch + 1,
    },
  })
}

/**
 * The same password under new hash parameters: nothing changed, so nobody is told. One that an
 * overlap keeps as the SMPP password before waits, since the two are known to be one by their hash.
 */
export const setRehashed = async (
  tx: Transaction,
  { userId, from, to }: { readonly userId: string; readonly from: string; readonly to: string },
): Promise<void> => {
  const user = await findUser(tx, userId)
  if (user?.passwordHash !== from) return
  const { previousSmppPasswordHash: previous, previousSmppPasswordUntil: until } = user
  if (previous === from && (until ?? 0) > tx.now()) return
  await tx.queries.update(users).set({ passwordHash: to }).where(eq(users.id, userId))
}
