import { z } from '@hono/zod-openapi'
import { transact } from '../../db/database.ts'
import {
  findRoles,
  findRolesOf,
  grantRole,
  grantsOfRole,
  revokeRole,
  type Role,
} from '../../db/roles.ts'
import { findUser } from '../../db/user-rows.ts'
import { compilePermissions, holds, knownPermissions } from '../../policies/permissions.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { findTouchable, mayGrant } from '../guard.ts'
import type { Refused } from '../problems.ts'
import { createRoutes } from '../routes.ts'
import { readUser } from './user-bodies.ts'
import { roleRef, user } from './user-schemas.ts'

const heldPermission = z
  .object({ permission: z.string(), roles: z.array(roleRef) })
  .openapi('HeldPermission')

/** Every permission that roles give, spelt out, with those that give it; grants as written, too. */
const permissionsBy = (roles: readonly Role[]): z.input<typeof heldPermission>[] => {
  const names = [...knownPermissions.map(({ name }) => name), ...roles.flatMap(grantsOfRole)]
  return Array.from(new Set(names))
    .sort()
    .map((permission) => ({
      permission,
      roles: roles
        .filter((role) => {
          const grants = grantsOfRole(role)
          return grants.includes(permission) || holds(compilePermissions(grants), permission)
        })
        .map(({ id, name }) => ({ id, name })),
    }))
    .filter(({ roles: by }) => by.length > 0)
}

type Switch = {
  readonly caller: Caller
  readonly userId: string
  readonly roleId: string
  readonly ifMatch: string | undefined
}

/** Gives or takes a role: of a user, and a role, that reach no further than the caller (U5). */
const switchRole = (
  { database }: ApiDeps,
  turn: typeof grantRole,
  { caller, userId, roleId, ifMatch }: Switch,
): Promise<object | Refused> =>
  transact(database, async (tx) => {
    const found = await findTouchable(tx, caller, userId, ifMatch)
    if ('refused' in found) return found
    const [role] = (await findRoles(tx, found.accountId, [roleId])) ?? []
    if (role === undefined) return { refused: 'not-found' } as const
    if (!(await mayGrant(tx, caller, grantsOfRole(role))))
      return { refused: 'beyond-own-rights' } as const
    return turn(tx, { actor: caller.actor, userId, roleId })
  })

const switches = [
  { operationId: 'grantRole', method: 'put', summary: 'Give a role', turn: grantRole },
  { operationId: 'revokeRole', method: 'delete', summary: 'Take a role', turn: revokeRole },
] as const

export const createUserRoleRoutes = (deps: ApiDeps) => {
  const { app, add } = createRoutes(deps.enter)
  for (const { turn, ...spec } of switches)
    add(
      {
        ...spec,
        path: '/users/{id}/roles/{roleId}',
        needsAllNodes: true,
        tag: 'Users',
        description:
          'By the id of a role, or of a predefined one its name (`auditor`). In force at once.',
        permission: 'users/manage',
        answer: user,
        refusals: ['beyond-own-rights', 'last-admin', 'stale'],
      },
      async ({ caller, params: { id, roleId }, ifMatch }) => {
        const turned = await switchRole(deps, turn, { caller, userId: id, roleId, ifMatch })
        if ('refused' in turned) return turned
        return (
          (await readUser(deps, { id, accountId: caller.user.accountId })) ?? {
            refused: 'not-found',
          }
        )
      },
    )
  add(
    {
      operationId: 'listUserPermissions',
      method: 'get',
      path: '/users/{id}/permissions',
      tag: 'Users',
      summary: 'What a user may do, and by which roles',
      permission: 'users/view',
      answer: z.object({ items: z.array(heldPermission) }),
    },
    async ({ caller, params: { id } }) => {
      const found = await findUser(deps.database, id)
      if (found?.accountId !== caller.user.accountId) return { refused: 'not-found' }
      return { body: { items: permissionsBy(await findRolesOf(deps.database, id)) } }
    },
  )
  return app
}
