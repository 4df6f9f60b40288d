import { transact, type Transaction } from '../../db/database.ts'
import {
  countInvites,
  findInvite,
  findInvitePage,
  findInviteRow,
  type InviteView,
} from '../../db/invite-rows.ts'
import { createInvite, resendInvite, revokeInvite, type NotInvited } from '../../db/invites.ts'
import { createToken, digestToken } from '../../db/secrets.ts'
import type { Caller } from '../caller.ts'
import type { RouteProblem } from '../description.ts'
import type { ApiDeps } from '../deps.ts'
import { isStale } from '../etag.ts'
import { claimRights } from '../guard.ts'
import { pageOf, readPage } from '../paging.ts'
import type { Faulty, Refused } from '../problems.ts'
import { createRoutes } from '../routes.ts'
import { invite, inviteBody, inviteQuery, newInvite } from './invite-schemas.ts'

type Of = Parameters<typeof revokeInvite>[1]

const by = ({ actor, user }: Caller) => ({
  actor: { ...actor, userId: user.id },
  accountId: user.accountId,
})

/** Why nobody was invited, as the body names its fields. */
const refusalOf = (not: NotInvited): Refused | Faulty => {
  if ('refused' in not)
    return not.refused === 'role-unknown'
      ? { faults: [{ path: 'roles', message: 'names a role that there is not' }] }
      : { refused: not.refused }
  return {
    faults: not.faults.map(({ path, message }) => ({
      path: path.replace(/^entries/, 'safelist'),
      message,
    })),
  }
}

type Turn = {
  readonly name: 'resend' | 'revoke'
  readonly summary: string
  readonly refusals: readonly RouteProblem[]
  readonly change: (tx: Transaction, of: Of, digest: string) => Promise<InviteView | Refused>
}

const turns: readonly Turn[] = [
  {
    name: 'resend',
    summary: 'Send an invite again, with a new link and seven days anew',
    refusals: ['email-taken'],
    change: (tx, of, digest) => resendInvite(tx, { ...of, digest }),
  },
  {
    name: 'revoke',
    summary: 'End a pending invite',
    refusals: [],
    change: (tx, of) => revokeInvite(tx, of),
  },
]

const common = { tag: 'Invites', permission: 'users/invite' } as const

export const createInviteRoutes = (deps: ApiDeps) => {
  const { database, random } = deps
  const { app, add } = createRoutes(deps.enter)

  /** Of a link that nobody has: the one that works is made with the mail that carries it. */
  const newDigest = (): string => digestToken(createToken(random))
  const shown = (view: InviteView) => ({ body: inviteBody(view), version: view.version })

  add(
    {
      ...common,
      operationId: 'listInvites',
      method: 'get',
      path: '/invites',
      summary: 'The invites of the account, the newest first, by their state',
      query: inviteQuery,
      answer: pageOf(invite),
    },
    async ({ caller, query: { state, ...query } }) => {
      const of = { accountId: caller.user.accountId, state }
      const page = await readPage({
        list: `invites ${state ?? ''}`,
        query,
        find: (after, limit) => findInvitePage(database, { ...of, after, limit }),
        keyOf: ({ id }) => id,
        count: () => countInvites(database, of),
      })
      return 'faults' in page ? page : { body: { ...page, items: page.items.map(inviteBody) } }
    },
  )
  add(
    {
      ...common,
      operationId: 'createInvite',
      method: 'post',
      path: '/invites',
      summary: 'Invite somebody by e-mail, for seven days',
      description:
        'To no more than one holds, which is checked again on acceptance. Access controls need the permissions that they need elsewhere.',
      body: newInvite,
      takesLong: true,
      answer: invite,
      status: 201,
      refusals: ['beyond-own-rights', 'email-taken'],
    },
    async ({ caller, body: { email, roles, safelist, apiAccess, ...profile } }) => {
      const digest = newDigest()
      const made = await transact(database, async (tx) => {
        const held = await claimRights(tx, caller)
        if ('refused' in held) return held
        const given = { ...(safelist && { safelist }), ...(apiAccess && { apiAccess }) }
        const invited = { ...by(caller), held, email, profile, roles, ...given, digest }
        const view = await createInvite(tx, invited)
        return 'id' in view ? view : refusalOf(view)
      })
      return 'id' in made ? shown(made) : made
    },
  )
  add(
    {
      ...common,
      operationId: 'readInvite',
      method: 'get',
      path: '/invites/{id}',
      summary: 'An invite',
      answer: invite,
    },
    async ({ caller, params: { id } }) => {
      const view = await findInvite(database, caller.user.accountId, id)
      return view === undefined ? { refused: 'not-found' } : shown(view)
    },
  )
  for (const { name, summary, refusals, change } of turns)
    add(
      {
        ...common,
        operationId: `${name}Invite`,
        method: 'post',
        path: `/invites/{id}/${name}`,
        summary,
        answer: invite,
        refusals: ['beyond-own-rights', 'invite-over', 'stale', ...refusals],
      },
      async ({ caller, params: { id }, ifMatch }) => {
        const digest = newDigest()
        const changed = await transact(database, async (tx): Promise<InviteView | Refused> => {
          const held = await claimRights(tx, caller)
          if ('refused' in held) return held
          const row = await findInviteRow(tx, caller.user.accountId, id)
          if (row === undefined) return { refused: 'not-found' }
          if (isStale(ifMatch, row.version)) return { refused: 'stale' }
          return change(tx, { ...by(caller), held, id }, digest)
        })
        return 'refused' in changed ? changed : shown(changed)
      },
    )
  return app
}
