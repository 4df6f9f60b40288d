import { z } from '@hono/zod-openapi'
import { transact } from '../../db/database.ts'
import { findUserOf } from '../../db/user-rows.ts'
import { setApiAccess } from '../../db/users.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { findTouchable, maySee } from '../guard.ts'
import { createRoutes } from '../routes.ts'

const switches = { http: z.boolean(), smpp: z.boolean() }

const common = {
  path: '/users/{id}/api-access',
  tag: 'Users',
  answer: z.object(switches).openapi('ApiAccess'),
} as const

export const createApiAccessRoutes = (deps: ApiDeps) => {
  const { database } = deps
  const { app, add } = createRoutes(deps.enter)

  const show = async (caller: Caller, userId: string) => {
    const user = await findUserOf(database, caller.user.accountId, userId)
    if (user === undefined) return { refused: 'not-found' } as const
    return { body: { http: user.httpBasic, smpp: user.smppBasic }, version: user.version }
  }

  add(
    {
      ...common,
      operationId: 'readApiAccess',
      method: 'get',
      summary: 'On which protocols basic credentials are allowed',
      description: "One's own, or with `users/view` anybody's.",
      permission: undefined,
      refusals: ['forbidden'],
    },
    async ({ caller, params: { id } }) =>
      maySee(caller, id, 'users/view') ? show(caller, id) : { refused: 'forbidden' },
  )
  add(
    {
      ...common,
      operationId: 'setApiAccess',
      method: 'put',
      summary: 'Allow basic credentials on a protocol, or refuse them',
      description: 'Keys and sessions are not touched by the HTTP switch; binds by the other are.',
      permission: 'api-access/manage',
      body: z.strictObject(switches).openapi('ApiAccessSwitches'),
      refusals: ['beyond-own-rights', 'stale'],
    },
    async ({ caller, params: { id }, body, ifMatch }) => {
      const { actor } = caller
      const set = await transact(database, async (tx) => {
        const user = await findTouchable(tx, caller, id, ifMatch)
        return 'refused' in user ? user : setApiAccess(tx, { actor, userId: id, ...body })
      })
      return 'refused' in set ? set : show(caller, id)
    },
  )
  return app
}
