import { transact } from '../../db/database.ts'
import { setDeletionRequested } from '../../db/deletion.ts'
import type { ApiDeps } from '../deps.ts'
import { findOwnOrTouchable } from '../guard.ts'
import { createRoutes } from '../routes.ts'
import { readUser } from './user-bodies.ts'
import { user } from './user-schemas.ts'

const turns = [
  {
    operationId: 'requestDeletion',
    method: 'post',
    summary: 'Ask Support to delete a user, who is marked and goes on as before',
    requested: true,
  },
  {
    operationId: 'withdrawDeletion',
    method: 'delete',
    summary: 'Take a request for deletion back',
    requested: false,
  },
] as const

export const createDeletionRoutes = (deps: ApiDeps) => {
  const { app, add } = createRoutes(deps.enter)
  for (const { requested, ...spec } of turns)
    add(
      {
        ...spec,
        path: '/users/{id}/deletion-request',
        tag: 'Users',
        description: "One's own, or with `users/manage` anybody's.",
        permission: undefined,
        answer: user,
        refusals: ['forbidden', 'beyond-own-rights', 'stale'],
      },
      async ({ caller, params: { id }, ifMatch }) => {
        const { actor } = caller
        const { accountId } = caller.user
        const set = await transact(deps.database, async (tx) => {
          const of = { userId: id, permission: 'users/manage', ifMatch }
          const found = await findOwnOrTouchable(tx, caller, of)
          if ('refused' in found) return found
          return setDeletionRequested(tx, { actor, accountId, userId: id, requested })
        })
        if ('refused' in set) return set
        return (await readUser(deps, { id, accountId })) ?? { refused: 'not-found' }
      },
    )
  return app
}
