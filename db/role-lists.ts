import { and, asc, count, eq, gt, or } from 'drizzle-orm'
import { compilePermissions, type Permissions } from '../policies/permissions.ts'
import type { Reader } from './database.ts'
import { findRolesOf, grantsOfRole, type Role } from './roles.ts'
import { roles, userRoles, users } from './schema/users.ts'

/** A page of an account's roles in the order of their names, after the folded name `after`. */
export const findRolePage = (
  reader: Reader,
  {
    accountId,
    after = '',
    limit,
  }: { readonly accountId: string; readonly after?: string | undefined; readonly limit: number },
): Promise<readonly Role[]> =>
  reader.queries
    .select()
    .from(roles)
    .where(and(eq(roles.accountId, accountId), gt(roles.nameKey, after)))
    .orderBy(asc(roles.nameKey))
    .limit(limit)

export const countRoles = async (reader: Reader, accountId: string): Promise<number> =>
  (
    await reader.queries
      .select({ roles: count() })
      .from(roles)
      .where(eq(roles.accountId, accountId))
  )[0]?.roles ?? 0

/** A role of this account, by its id or predefined id. */
export const findRole = async (
  reader: Reader,
  accountId: string,
  id: string,
): Promise<Role | undefined> =>
  (
    await reader.queries
      .select()
      .from(roles)
      .where(and(eq(roles.accountId, accountId), or(eq(roles.id, id), eq(roles.predefined, id))))
  )[0]

export type RoleHolder = { readonly id: string; readonly username: string }

/** Who holds a role, in the order of their ids, after the id `after`. */
export const findHolders = (
  reader: Reader,
  {
    accountId,
    roleId,
    after = '',
    limit,
  }: {
    readonly accountId: string
    readonly roleId: string
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<readonly RoleHolder[]> =>
  reader.queries
    .select({ id: users.id, username: users.username })
    .from(userRoles)
    .innerJoin(users, eq(users.id, userRoles.userId))
    .where(
      and(
        eq(userRoles.roleId, roleId),
        gt(userRoles.userId, after),
        eq(users.accountId, accountId),
      ),
    )
    .orderBy(asc(userRoles.userId))
    .limit(limit)

/** How many hold a role; its id is one that was found in the caller's account. */
export const countHolders = async (reader: Reader, roleId: string): Promise<number> =>
  (
    await reader.queries
      .select({ holders: count() })
      .from(userRoles)
      .where(eq(userRoles.roleId, roleId))
  )[0]?.holders ?? 0

/** A grant that a user holds, and the roles that give it. */
export type HeldPermission = {
  readonly permission: string
  readonly roles: readonly { readonly id: string; readonly name: string }[]
}

/** Each grant of a user with the roles that give it, in the order of their names. */
export const findHeldPermissions = async (
  reader: Reader,
  userId: string,
): Promise<readonly HeldPermission[]> => {
  const given = new Map<string, { id: string; name: string }[]>()
  for (const role of await findRolesOf(reader, userId)) {
    for (const permission of new Set(grantsOfRole(role))) {
      const { id, name } = role
      given.set(permission, [...(given.get(permission) ?? []), { id, name }])
    }
  }
  return [...given]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([permission, givenBy]) => ({ permission, roles: givenBy }))
}

/** All that a user's roles give, whether the user is enabled or not. */
export const findPermissions = async (reader: Reader, userId: string): Promise<Permissions> =>
  compilePermissions((await findRolesOf(reader, userId)).flatMap(grantsOfRole))
