import { z } from '@hono/zod-openapi'
import { knownPermissions } from '../../policies/permissions.ts'
import type { ApiDeps } from '../deps.ts'
import { createRoutes } from '../routes.ts'

/** What each permission of the console and this API lets one do. */
const descriptions: Readonly<Record<string, string>> = {
  'users/view': 'See users: profiles, states, roles and what follows from them',
  'users/manage': 'Create users, edit, enable, disable and unlock them, and set their passwords',
  'users/invite': 'Invite people, and resend and revoke invites',
  'roles/view': 'See roles and what they are made of',
  'roles/manage': 'Make, edit and delete custom roles',
  'api-keys/manage': 'See, make, edit, rotate and delete API keys',
  'events/view': 'Read and export the audit, and verify it',
  'sessions/manage': 'See what is open, and end it',
  'decisions/explain': 'See why somebody was or would be refused',
  'account/manage': 'Edit the settings of the account',
  'api-access/manage': 'Allow basic credentials, per protocol',
  'safelist/manage': 'Say from where users may come',
  'accounts/manage': 'See, make and edit accounts, and see the nodes',
}

const permission = z
  .object({
    name: z.string(),
    description: z.string(),
    reservedTo: z.string().nullable().openapi({
      description: 'The predefined role that alone holds it; null: custom roles may, too',
    }),
  })
  .openapi('Permission')

const items = knownPermissions.map(({ name, reservedTo = null }) => {
  const description = descriptions[name]
  if (description === undefined) throw new Error(`the permission ${name} has no description`)
  return { name, description, reservedTo }
})

export const createPermissionRoutes = (deps: ApiDeps) => {
  const { app, add } = createRoutes(deps.enter)
  add(
    {
      operationId: 'listPermissions',
      method: 'get',
      path: '/permissions',
      tag: 'Roles',
      summary: 'What roles are made of; routes of the gateway may name others (`sms/send`)',
      permission: 'roles/view',
      answer: z.object({ items: z.array(permission) }),
    },
    async () => ({ body: { items } }),
  )
  return app
}
