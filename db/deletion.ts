import type { Transaction } from './database.ts'
import type { Actor } from './record.ts'
import { changeUser } from './user-changes.ts'
import { findUserOf, type UserRow } from './user-rows.ts'

/** What became of it; `changed` is false when it was asked for, or taken back, before. */
export type DeletionRequested =
  | { readonly user: UserRow; readonly changed: boolean }
  | { readonly refused: 'user-unknown' | 'stale' }

/**
 * Marks a user whose deletion is asked for (U3), or takes the mark away. Nothing of what the user
 * may do changes; the notice of a first request goes to Support.
 */
export const setDeletionRequested = async (
  tx: Transaction,
  {
    actor,
    accountId,
    userId,
    requested,
    version,
  }: {
    readonly actor: Actor
    readonly accountId: string
    readonly userId: string
    readonly requested: boolean
    readonly version?: number | undefined
  },
): Promise<DeletionRequested> => {
  const user = await findUserOf(tx, accountId, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  if (version !== undefined && version !== user.version) return { refused: 'stale' }
  if ((user.deletionRequestedAt !== null) === requested) return { user, changed: false }
  const changed = await changeUser(tx, {
    actor,
    user,
    kind: 'profile',
    action: requested ? 'user.deletion-requested' : 'user.deletion-withdrawn',
    set: { deletionRequestedAt: requested ? tx.now() : null },
  })
  return { user: changed, changed: true }
}
