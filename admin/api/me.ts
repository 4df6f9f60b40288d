import { z } from '@hono/zod-openapi'
import { grantsOf } from '../../policies/permissions.ts'
import { effectiveOf, type Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { createRoutes } from '../routes.ts'
import { readUser } from './user-bodies.ts'
import { editProfile } from './user-edit.ts'
import { profilePatch, user } from './user-schemas.ts'

const me = user
  .extend({
    permissions: z.array(z.string()).openapi({
      description: 'What this call may do: names, areas (`users/*`) and all (`*`)',
    }),
    clientAddress: z
      .string()
      .openapi({ description: 'The address that we see the call come from' }),
  })
  .openapi('Me')

const common = { path: '/me', tag: 'Me', permission: undefined, answer: me } as const

export const createMeRoutes = (deps: ApiDeps) => {
  const { app, add } = createRoutes(deps.enter)

  const show = async (caller: Caller) => {
    const read = await readUser(deps, caller.user)
    if (read === undefined) return { refused: 'not-found' } as const
    const permissions = [...grantsOf(effectiveOf(caller, caller.user.permissions))].sort()
    return {
      body: { ...read.body, permissions, clientAddress: caller.client.text },
      version: read.version,
    }
  }

  add(
    { ...common, operationId: 'readMe', method: 'get', summary: 'Who calls, and what they may do' },
    ({ caller }) => show(caller),
  )
  add(
    {
      ...common,
      operationId: 'editMe',
      method: 'patch',
      summary: 'Edit the own profile',
      description:
        'The own language is for Account admins alone; e-mail address and mobile number are not changed with a key, and nothing with one that was narrowed.',
      body: profilePatch,
      refusals: ['beyond-own-rights', 'email-taken'],
    },
    async ({ caller, body, ifMatch }) =>
      (await editProfile(deps, { caller, userId: caller.user.id, profile: body, ifMatch })) ??
      show(caller),
  )
  return app
}
