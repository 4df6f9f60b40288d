import { z } from '@hono/zod-openapi'
import { createRole, deleteRole, editRole } from '../../db/custom-roles.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { countHolders, countRoles, findRole, findRolePage } from '../../db/role-lists.ts'
import { grantsOfRole, type Role } from '../../db/roles.ts'
import type { Permissions } from '../../policies/permissions.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { isStale } from '../etag.ts'
import { line, time, timeOf } from '../fields.ts'
import { claimRights } from '../guard.ts'
import { pageOf, pageQuery, readPage } from '../paging.ts'
import type { Refused } from '../problems.ts'
import { createRoutes } from '../routes.ts'

const role = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    predefined: z.string().nullable().openapi({
      description: 'The id of a predefined role, which every account has and nobody edits',
    }),
    permissions: z.array(z.string()),
    createdAt: time,
    updatedAt: time,
  })
  .openapi('Role')

const roleWithHolders = role
  .extend({ holders: z.int().openapi({ description: 'How many users have it' }) })
  .openapi('RoleWithHolders')

const draft = {
  name: z.string().max(64),
  description: line(500).optional(),
  permissions: z
    .array(z.string().max(82))
    .max(200)
    .openapi({ description: 'Names (`users/view`), areas (`users/*`), or all (`*`)' }),
}

const newRole = z.strictObject(draft).openapi('NewRole')
const rolePatch = z.strictObject(draft).partial().openapi('RolePatch')

const bodyOf = (row: Role) => ({
  ...{ id: row.id, name: row.name, description: row.description, predefined: row.predefined },
  permissions: [...grantsOfRole(row)],
  createdAt: timeOf(row.createdAt),
  updatedAt: timeOf(row.updatedAt),
})

type Asked = {
  readonly caller: Caller
  readonly roleId: string
  readonly ifMatch?: string | undefined
}

type Of = Parameters<typeof deleteRole>[1]

/** Changes a role of the caller's account, as the version that it is meant for. */
const change = <T extends object>(
  { database }: ApiDeps,
  { caller, roleId, ifMatch }: Asked,
  work: (tx: Transaction, of: Of) => Promise<T>,
): Promise<T | Refused> =>
  transact(database, async (tx) => {
    const held: Permissions | Refused = await claimRights(tx, caller)
    if ('refused' in held) return held
    const { accountId } = caller.user
    const found = await findRole(tx, accountId, roleId)
    if (found === undefined) return { refused: 'not-found' }
    if (isStale(ifMatch, found.version)) return { refused: 'stale' }
    return work(tx, { actor: caller.actor, accountId, held, roleId })
  })

const one = { path: '/roles/{id}', tag: 'Roles' } as const
const many = { path: '/roles', tag: 'Roles' } as const

export const createRoleRoutes = (deps: ApiDeps) => {
  const { database } = deps
  const { app, add } = createRoutes(deps.enter)

  add(
    {
      ...many,
      operationId: 'listRoles',
      method: 'get',
      summary: 'The roles of the account, by name',
      permission: 'roles/view',
      query: z.strictObject(pageQuery),
      answer: pageOf(role),
    },
    async ({ caller, query }) => {
      const { accountId } = caller.user
      const page = await readPage({
        list: 'roles',
        query,
        find: (after, limit) => findRolePage(database, { accountId, after, limit }),
        keyOf: ({ nameKey }) => nameKey,
        count: () => countRoles(database, accountId),
      })
      return 'faults' in page ? page : { body: { ...page, items: page.items.map(bodyOf) } }
    },
  )
  add(
    {
      ...many,
      operationId: 'createRole',
      needsAllNodes: true,
      method: 'post',
      summary: 'Make a custom role',
      description: 'Of permissions that one holds; some belong to predefined roles alone.',
      permission: 'roles/manage',
      body: newRole,
      answer: role,
      status: 201,
      refusals: ['beyond-own-rights', 'name-taken'],
    },
    async ({ caller, body }) => {
      const { actor } = caller
      const { accountId } = caller.user
      const made = await transact(database, async (tx) => {
        const held = await claimRights(tx, caller)
        return 'refused' in held ? held : createRole(tx, { actor, accountId, held, ...body })
      })
      return 'id' in made ? { body: bodyOf(made), version: made.version } : made
    },
  )
  add(
    {
      ...one,
      operationId: 'readRole',
      method: 'get',
      summary: 'A role, and how many have it',
      description: 'By its id, or of a predefined one its name (`auditor`).',
      permission: 'roles/view',
      answer: roleWithHolders,
    },
    async ({ caller, params: { id } }) => {
      const found = await findRole(database, caller.user.accountId, id)
      if (found === undefined) return { refused: 'not-found' }
      const holders = await countHolders(database, found.id)
      return { body: { ...bodyOf(found), holders }, version: found.version }
    },
  )
  add(
    {
      ...one,
      operationId: 'editRole',
      needsAllNodes: true,
      method: 'patch',
      summary: 'Edit a custom role, in force at once for all who have it',
      permission: 'roles/manage',
      body: rolePatch,
      answer: role,
      refusals: ['beyond-own-rights', 'name-taken', 'role-predefined'],
    },
    async ({ caller, params: { id }, body, ifMatch }) => {
      const changed = await change(deps, { caller, roleId: id, ifMatch }, (tx, of) =>
        editRole(tx, { ...of, draft: body }),
      )
      return 'id' in changed ? { body: bodyOf(changed), version: changed.version } : changed
    },
  )
  add(
    {
      ...one,
      operationId: 'deleteRole',
      needsAllNodes: true,
      method: 'delete',
      summary: 'Delete a custom role that nobody has',
      permission: 'roles/manage',
      refusals: ['beyond-own-rights', 'role-in-use', 'role-predefined', 'stale'],
    },
    async ({ caller, params: { id }, ifMatch }) => {
      const gone = await change(deps, { caller, roleId: id, ifMatch }, deleteRole)
      return 'refused' in gone ? gone : undefined
    },
  )
  return app
}
