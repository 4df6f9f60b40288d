import { eq } from 'drizzle-orm'
import type { Transaction } from './database.ts'
import { findInvite, findInviteRow, stateOf, type InviteView } from './invite-rows.ts'
import { invites } from './schema/proofs.ts'

/**
 * The link of a pending invite, made when its mail is sent: the one before is of no use any more.
 * Undefined when it was accepted, revoked, or has expired.
 */
export const renewInviteLink = async (
  tx: Transaction,
  {
    accountId,
    id,
    digest,
  }: { readonly accountId: string; readonly id: string; readonly digest: string },
): Promise<InviteView | undefined> => {
  const row = await findInviteRow(tx, accountId, id)
  if (row === undefined || stateOf(row, tx.now()) !== 'pending') return undefined
  await tx.queries.update(invites).set({ digest }).where(eq(invites.id, id))
  return findInvite(tx, accountId, id)
}
