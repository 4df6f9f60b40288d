import { and, eq, ne } from 'drizzle-orm'
import type { Fault } from '../policies/faults.ts'
import { labelFaults } from '../policies/names.ts'
import { beyond, customRoleFaults, type Permissions } from '../policies/permissions.ts'
import type { Reader, Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { countHolders, findRole } from './role-lists.ts'
import type { Role } from './roles.ts'
import { roles } from './schema/users.ts'

/** What a custom role is made of; what is absent in an edit stays as it is. */
export type RoleDraft = {
  readonly name?: string | undefined
  readonly description?: string | undefined
  readonly permissions?: readonly string[] | undefined
}

type Faulty = { readonly faults: readonly Fault[] }

/** Enough for any role; more is a mistake. */
const mostPermissions = 200
const longestDescription = 500

const faultsOf = ({ name, description, permissions }: RoleDraft): readonly Fault[] => {
  const faults = [
    ...(name === undefined ? [] : labelFaults(name)),
    ...(permissions === undefined ? [] : customRoleFaults(permissions)),
  ]
  if (description !== undefined && description.length > longestDescription)
    faults.push({ path: 'description', message: `takes at most ${longestDescription} characters` })
  if (permissions !== undefined && permissions.length > mostPermissions)
    faults.push({ path: 'permissions', message: `takes at most ${mostPermissions} permissions` })
  return faults
}

const isNameTaken = async (
  reader: Reader,
  {
    accountId,
    nameKey,
    exceptFor = '',
  }: { accountId: string; nameKey: string; exceptFor?: string },
): Promise<boolean> => {
  const isSame = and(
    eq(roles.accountId, accountId),
    eq(roles.nameKey, nameKey),
    ne(roles.id, exceptFor),
  )
  return (await reader.queries.select({ id: roles.id }).from(roles).where(isSame)).length > 0
}

/** What the audit shows of a role. */
const shown = ({ id, name, description, permissions }: Role) => ({
  id,
  name,
  description,
  permissions,
})

/** A new custom role; nobody makes one that reaches beyond what they hold themselves (U5). */
export const createRole = async (
  tx: Transaction,
  {
    actor,
    accountId,
    held,
    name,
    description = '',
    permissions,
  }: {
    readonly actor: Actor
    readonly accountId: string
    /** What who makes it may do. */
    readonly held: Permissions
    readonly name: string
    readonly description?: string | undefined
    readonly permissions: readonly string[]
  },
): Promise<Role | Faulty | { readonly refused: 'name-taken' | 'beyond-own-rights' }> => {
  const faults = faultsOf({ name, description, permissions })
  if (faults.length > 0) return { faults }
  if (beyond(permissions, held).length > 0) return { refused: 'beyond-own-rights' }
  const nameKey = name.toLowerCase()
  if (await isNameTaken(tx, { accountId, nameKey })) return { refused: 'name-taken' }
  const at = tx.now()
  const [role] = await tx.queries
    .insert(roles)
    .values({
      id: tx.newId(),
      accountId,
      name,
      nameKey,
      description,
      permissions: [...new Set(permissions)],
      createdAt: at,
      updatedAt: at,
    })
    .returning()
  if (role === undefined) throw new Error('the new role was not written')
  const after = shown(role)
  await recordChange(tx, { actor, kind: 'role', action: 'role.created', accountId, after })
  return role
}

/** Which role is to be changed, by whom, and for which version of it that is meant. */
type OfRole = {
  readonly actor: Actor
  readonly accountId: string
  readonly held: Permissions
  readonly roleId: string
  readonly version?: number | undefined
}

/** Why a role is left as it is. */
export type RoleRefusal = {
  readonly refused: 'role-unknown' | 'role-predefined' | 'stale' | 'beyond-own-rights'
}

/** A custom role that may be changed: of the account, and giving no more than is held. */
const findChangeable = async (
  tx: Transaction,
  { accountId, held, roleId, version }: OfRole,
): Promise<Role | RoleRefusal> => {
  const role = await findRole(tx, accountId, roleId)
  if (role === undefined) return { refused: 'role-unknown' }
  if (role.predefined !== null) return { refused: 'role-predefined' }
  if (beyond(role.permissions, held).length > 0) return { refused: 'beyond-own-rights' }
  return version !== undefined && version !== role.version ? { refused: 'stale' } : role
}

/** Edits a custom role; whoever holds it is judged anew by the news of it. */
export const editRole = async (
  tx: Transaction,
  { draft, ...of }: OfRole & { readonly draft: RoleDraft },
): Promise<Role | Faulty | RoleRefusal | { readonly refused: 'name-taken' }> => {
  const role = await findChangeable(tx, of)
  if ('refused' in role) return role
  const faults = faultsOf(draft)
  if (faults.length > 0) return { faults }
  const { name = role.name, description = role.description } = draft
  const permissions = [...new Set(draft.permissions ?? role.permissions)]
  if (beyond(permissions, of.held).length > 0) return { refused: 'beyond-own-rights' }
  const { accountId, actor } = of
  const nameKey = name.toLowerCase()
  if (await isNameTaken(tx, { accountId, nameKey, exceptFor: role.id }))
    return { refused: 'name-taken' }
  const set = { name, nameKey, description, permissions }
  const [changed] = await tx.queries
    .update(roles)
    .set({ ...set, updatedAt: tx.now(), version: role.version + 1 })
    .where(eq(roles.id, role.id))
    .returning()
  if (changed === undefined) throw new Error('the role to change is gone')
  await recordChange(tx, {
    actor,
    kind: 'role',
    action: 'role.changed',
    accountId,
    before: shown(role),
    after: shown(changed),
  })
  return changed
}

/** Deletes a custom role that nobody holds. */
export const deleteRole = async (
  tx: Transaction,
  of: OfRole,
): Promise<Role | RoleRefusal | { readonly refused: 'role-in-use' }> => {
  const role = await findChangeable(tx, of)
  if ('refused' in role) return role
  if ((await countHolders(tx, role.id)) > 0) return { refused: 'role-in-use' }
  await tx.queries.delete(roles).where(eq(roles.id, role.id))
  const { actor, accountId } = of
  const before = shown(role)
  await recordChange(tx, { actor, kind: 'role', action: 'role.deleted', accountId, before })
  return role
}
