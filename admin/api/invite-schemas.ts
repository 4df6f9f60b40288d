import { z } from '@hono/zod-openapi'
import type { InviteView } from '../../db/invite-rows.ts'
import { time, timeOf, timeOrNull } from '../fields.ts'
import { pageQuery } from '../paging.ts'
import { newUser, roleRef } from './user-schemas.ts'

const state = z.enum(['pending', 'accepted', 'expired', 'revoked'])

export const invite = z
  .object({
    id: z.string(),
    state,
    email: z.string(),
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    language: z.string().optional(),
    timeZone: z.string().optional(),
    mobileNumber: z.string().nullable().optional(),
    roles: z.array(roleRef).openapi({ description: 'Those of its roles that there are still' }),
    safelist: z.array(
      z.object({ range: z.string(), description: z.string(), expiresAt: time.nullable() }),
    ),
    apiAccess: z.object({ http: z.boolean(), smpp: z.boolean() }),
    invitedBy: z.object({ id: z.string(), username: z.string().nullable() }),
    createdAt: time,
    sentAt: time,
    expiresAt: time,
    acceptedAt: time.nullable(),
    acceptedUserId: z.string().nullable(),
    revokedAt: time.nullable(),
  })
  .openapi('Invite')

/** As a new user, but for the username, which the invited person chooses. */
export const newInvite = newUser.omit({ username: true, enabled: true }).openapi('NewInvite')

export const inviteQuery = z.strictObject({
  ...pageQuery,
  state: state.optional().openapi({ description: 'Where it stands' }),
})

/** An invite as the API shows one. */
export const inviteBody = (view: InviteView): z.input<typeof invite> => {
  const { id, email, profile, state, apiAccess, invitedBy, acceptedUserId } = view
  return {
    ...profile,
    ...{ id, email, state, apiAccess, invitedBy, acceptedUserId },
    roles: [...view.roles],
    safelist: view.safelist.map(({ range, description, expiresAt }) => {
      return { range, description: description ?? '', expiresAt: timeOrNull(expiresAt ?? null) }
    }),
    createdAt: timeOf(view.createdAt),
    sentAt: timeOf(view.sentAt),
    expiresAt: timeOf(view.expiresAt),
    acceptedAt: timeOrNull(view.acceptedAt),
    revokedAt: timeOrNull(view.revokedAt),
  }
}
