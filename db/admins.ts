import { and, eq, isNull, ne, notExists } from 'drizzle-orm'
import type { Transaction } from './database.ts'
import { locks } from './schema/audit.ts'
import { roles, userRoles, users } from './schema/users.ts'

export const accountAdmin = 'account-admin'

/**
 * Whether an account would be left without an active Account admin if this user were none (U5).
 * Active is who is enabled and not locked until somebody unlocks; asked inside the transaction that
 * acts on the answer, so that two admins cannot remove each other at the same moment.
 */
export const isLastAdmin = async (
  tx: Transaction,
  { id, accountId }: { readonly id: string; readonly accountId: string },
): Promise<boolean> => {
  const lockedForGood = tx.queries
    .select({ id: locks.id })
    .from(locks)
    .where(and(eq(locks.userId, users.id), isNull(locks.until)))
  const admins = () =>
    tx.queries
      .select({ id: users.id })
      .from(users)
      .innerJoin(userRoles, eq(userRoles.userId, users.id))
      .innerJoin(roles, eq(roles.id, userRoles.roleId))
  const isAdmin = and(eq(roles.accountId, accountId), eq(roles.predefined, accountAdmin))
  const [self] = await admins().where(and(isAdmin, eq(users.id, id), eq(users.enabled, true)))
  if (self === undefined) return false
  const others = await admins()
    .where(and(isAdmin, ne(users.id, id), eq(users.enabled, true), notExists(lockedForGood)))
    .limit(1)
  return others.length === 0
}
