import { z } from '@hono/zod-openapi'
import { transact } from '../../db/database.ts'
import { setTwoFactor } from '../../db/two-factor.ts'
import { findUserOf } from '../../db/user-rows.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { findIdentity, maySee } from '../guard.ts'
import { createRoutes } from '../routes.ts'

const choice = z
  .strictObject({
    channel: z.enum(['email', 'sms', 'voice', 'totp']),
    mode: z.enum(['remembered', 'always']),
  })
  .openapi('TwoFactorChoice')

const common = {
  path: '/users/{id}/two-factor',
  tag: 'Users',
  permission: undefined,
  answer: z.object({ channel: z.string(), mode: z.string() }).openapi('TwoFactor'),
} as const

export const createTwoFactorRoutes = (deps: ApiDeps) => {
  const { database } = deps
  const { app, add } = createRoutes(deps.enter)

  const show = async (caller: Caller, userId: string) => {
    const user = await findUserOf(database, caller.user.accountId, userId)
    if (user === undefined) return { refused: 'not-found' } as const
    const { twoFactorChannel: channel, twoFactorMode: mode, version } = user
    return { body: { channel, mode }, version }
  }

  add(
    {
      ...common,
      operationId: 'readTwoFactor',
      method: 'get',
      summary: 'Where PINs go, and when they are asked for',
      description: "One's own, or with `users/view` anybody's.",
      refusals: ['forbidden'],
    },
    async ({ caller, params: { id } }) =>
      maySee(caller, id, 'users/view') ? show(caller, id) : { refused: 'forbidden' },
  )
  add(
    {
      ...common,
      operationId: 'chooseTwoFactor',
      needsAllNodes: true,
      method: 'put',
      summary: 'Choose where PINs go, and when they are asked for',
      description:
        "One's own, but not with a key, or with `users/manage` anybody's. A channel has to be offered in the account, and its contact verified.",
      body: choice,
      refusals: ['forbidden', 'beyond-own-rights', 'stale'],
    },
    async ({ caller, params: { id }, body, ifMatch }) => {
      const { actor } = caller
      const { accountId } = caller.user
      const chosen = await transact(database, async (tx) => {
        const of = { userId: id, permission: 'users/manage', ifMatch }
        const user = await findIdentity(tx, caller, of)
        if ('refused' in user) return user
        return setTwoFactor(tx, { actor, accountId, userId: id, ...body })
      })
      return 'id' in chosen ? show(caller, id) : chosen
    },
  )
  return app
}
