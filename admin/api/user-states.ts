import { transact, type Transaction } from '../../db/database.ts'
import { unlockUser } from '../../db/locks.ts'
import { setUserEnabled } from '../../db/users.ts'
import type { Actor } from '../../db/record.ts'
import type { RouteProblem } from '../description.ts'
import type { ApiDeps } from '../deps.ts'
import { findTouchable } from '../guard.ts'
import type { Refused } from '../problems.ts'
import { createRoutes } from '../routes.ts'
import { readUser } from './user-bodies.ts'
import { user } from './user-schemas.ts'

type State = {
  readonly name: 'enable' | 'disable' | 'unlock'
  readonly summary: string
  readonly refusals: readonly RouteProblem[]
  readonly change: (
    tx: Transaction,
    of: { readonly actor: Actor; readonly userId: string },
  ) => Promise<object | Refused>
}

/** Each is its own path, and the changed user its answer (U4, U8). */
const states: readonly State[] = [
  {
    name: 'enable',
    summary: 'Enable a user',
    refusals: [],
    change: (tx, of) => setUserEnabled(tx, { ...of, enabled: true }),
  },
  {
    name: 'disable',
    summary: 'Disable a user, and end what they have open',
    refusals: ['own-account', 'last-admin'],
    change: (tx, of) => setUserEnabled(tx, { ...of, enabled: false }),
  },
  {
    name: 'unlock',
    summary: 'Unlock a user, and forget the failures that were counted',
    refusals: ['own-account'],
    // Who forgets their own failures may guess at their own password for ever.
    change: async (tx, of) =>
      of.actor.userId === of.userId ? { refused: 'own-account' } : unlockUser(tx, of),
  },
]

export const createUserStateRoutes = (deps: ApiDeps) => {
  const { app, add } = createRoutes(deps.enter)
  for (const { name, summary, refusals, change } of states)
    add(
      {
        operationId: `${name}User`,
        method: 'post',
        path: `/users/{id}/${name}`,
        tag: 'Users',
        summary,
        permission: 'users/manage',
        answer: user,
        refusals: ['beyond-own-rights', 'stale', ...refusals],
      },
      async ({ caller, params: { id }, ifMatch }) => {
        const { actor } = caller
        const changed = await transact(deps.database, async (tx) => {
          const found = await findTouchable(tx, caller, id, ifMatch)
          return 'refused' in found ? found : change(tx, { actor, userId: id })
        })
        if ('refused' in changed) return changed
        return (
          (await readUser(deps, { id, accountId: caller.user.accountId })) ?? {
            refused: 'not-found',
          }
        )
      },
    )
  return app
}
