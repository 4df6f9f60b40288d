import { and, eq, inArray, or } from 'drizzle-orm'
import { predefinedRoles } from '../policies/roles.ts'
import { accountAdmin, isLastAdmin } from './admins.ts'
import type { Reader, Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { roles, userRoles } from './schema/users.ts'
import { touchUser } from './user-changes.ts'
import { findUser, type UserRow } from './user-rows.ts'

export type Role = typeof roles.$inferSelect

const permissionsOfPredefined: ReadonlyMap<string, readonly string[]> = new Map(
  predefinedRoles.map(({ id, permissions }) => [id, permissions]),
)

/** What a role grants: a predefined one what the code says, a custom one what was written. */
export const grantsOfRole = ({
  predefined,
  permissions,
}: Pick<Role, 'predefined' | 'permissions'>): readonly string[] =>
  predefined === null ? permissions : (permissionsOfPredefined.get(predefined) ?? [])

/** Roles of an account by id or predefined id, without repetition; undefined when one is unknown. */
export const findRoles = async (
  reader: Reader,
  accountId: string,
  names: readonly string[],
): Promise<readonly Role[] | undefined> => {
  if (names.length === 0) return []
  const named = or(inArray(roles.id, [...names]), inArray(roles.predefined, [...names]))
  const found = await reader.queries
    .select()
    .from(roles)
    .where(and(eq(roles.accountId, accountId), named))
  const known = new Set(found.flatMap(({ id, predefined }) => [id, predefined]))
  return names.every((name) => known.has(name)) ? found : undefined
}

/** The roles that a user holds. */
export const findRolesOf = async (reader: Reader, userId: string): Promise<readonly Role[]> =>
  (
    await reader.queries
      .select({ role: roles })
      .from(userRoles)
      .innerJoin(roles, eq(roles.id, userRoles.roleId))
      .where(eq(userRoles.userId, userId))
      .orderBy(roles.nameKey)
  ).map(({ role }) => role)

/** The rows of a grant alone; the caller records it. */
export const addGrants = async (
  tx: Transaction,
  {
    actor,
    userId,
    roleIds,
  }: { readonly actor: Actor; readonly userId: string; readonly roleIds: readonly string[] },
): Promise<void> => {
  if (roleIds.length === 0) return
  const grantedAt = tx.now()
  const grantedBy = actor.userId ?? null
  await tx.queries
    .insert(userRoles)
    .values(roleIds.map((roleId) => ({ userId, roleId, grantedAt, grantedBy })))
    .onConflictDoNothing()
}

type Granting = { readonly actor: Actor; readonly userId: string; readonly roleId: string }

type Found = {
  readonly user: UserRow
  readonly role: Role
  readonly held: readonly Role[]
  readonly isHeld: boolean
}

const findUserAndRole = async (
  tx: Transaction,
  { userId, roleId }: Granting,
): Promise<Found | { readonly refused: 'user-unknown' | 'role-unknown' }> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const [role] = (await findRoles(tx, user.accountId, [roleId])) ?? []
  if (role === undefined) return { refused: 'role-unknown' }
  const held = await findRolesOf(tx, userId)
  return { user, role, held, isHeld: held.some(({ id }) => id === role.id) }
}

const names = (held: readonly Role[]): readonly string[] => held.map(({ name }) => name)

/** Whether anything was changed, or why not. */
export type Granted =
  | { readonly changed: boolean }
  | { readonly refused: 'user-unknown' | 'role-unknown' | 'last-admin' }

/** Gives a role, by its id or predefined id; the caller has checked the giver's own rights (U5). */
export const grantRole = async (tx: Transaction, granting: Granting): Promise<Granted> => {
  const found = await findUserAndRole(tx, granting)
  if ('refused' in found) return found
  const { user, role, held, isHeld } = found
  if (isHeld) return { changed: false }
  await addGrants(tx, { ...granting, roleIds: [role.id] })
  await touchUser(tx, user)
  await recordChange(tx, {
    actor: granting.actor,
    kind: 'roles',
    action: 'user.role-granted',
    accountId: user.accountId,
    user,
    before: { roles: names(held) },
    after: { roles: names([...held, role]) },
  })
  return { changed: true }
}

/** Takes a role; the last active Account admin of an account keeps that role (U5). */
export const revokeRole = async (tx: Transaction, granting: Granting): Promise<Granted> => {
  const found = await findUserAndRole(tx, granting)
  if ('refused' in found) return found
  const { user, role, held, isHeld } = found
  if (!isHeld) return { changed: false }
  if (role.predefined === accountAdmin && (await isLastAdmin(tx, user))) {
    return { refused: 'last-admin' }
  }
  await tx.queries
    .delete(userRoles)
    .where(and(eq(userRoles.userId, user.id), eq(userRoles.roleId, role.id)))
  await touchUser(tx, user)
  await recordChange(tx, {
    actor: granting.actor,
    kind: 'roles',
    action: 'user.role-revoked',
    accountId: user.accountId,
    user,
    before: { roles: names(held) },
    after: { roles: names(held.filter(({ id }) => id !== role.id)) },
  })
  return { changed: true }
}
