/** A role that every account has; its id is stable and its permissions cannot be edited. */
export type PredefinedRole = {
  readonly id: string
  readonly name: string
  readonly permissions: readonly string[]
}

/**
 * The predefined roles. API user holds nothing of the console and nothing of routes either: what a
 * route demands (`sms/send`) comes from a custom role, which an Account admin can make of it,
 * because `*` holds whatever routes name.
 */
export const predefinedRoles = [
  {
    id: 'account-admin',
    name: 'Account admin',
    permissions: ['*', 'api-access/manage', 'safelist/manage'],
  },
  { id: 'platform-operator', name: 'Platform operator', permissions: ['accounts/manage'] },
  {
    id: 'user-manager',
    name: 'User manager',
    permissions: ['users/view', 'users/manage', 'users/invite', 'roles/view'],
  },
  {
    id: 'integrations-manager',
    name: 'Integrations manager',
    permissions: ['api-keys/manage'],
  },
  {
    id: 'auditor',
    name: 'Auditor',
    permissions: ['users/view', 'roles/view', 'events/view', 'decisions/explain'],
  },
  { id: 'api-user', name: 'API user', permissions: [] },
] as const satisfies readonly PredefinedRole[]

export type PredefinedRoleId = (typeof predefinedRoles)[number]['id']
