import { z } from '@hono/zod-openapi'
import type { AccountSettings } from '../../db/account-settings.ts'
import type { Reader, Transaction } from '../../db/database.ts'
import {
  askEnd,
  findLiveObjects,
  findLiveOwner,
  type LiveObjectView,
} from '../../db/live-objects.ts'
import type { Actor } from '../../db/record.ts'
import { findSessionOwner, findSessionPage, type SessionView } from '../../db/session-lists.ts'
import { endSession } from '../../db/sessions.ts'
import { time, timeOf } from '../fields.ts'

export const session = z
  .object({
    id: z.string(),
    kind: z.enum(['web', 'token', 'bearer', 'http', 'upgrade', 'bind']).openapi({
      description:
        'Signed in on the web, a session token, an access token; or what is open: an HTTP exchange that lasts, an upgraded connection, an SMPP bind',
    }),
    userId: z.string(),
    username: z.string(),
    source: z.string().nullable(),
    since: time,
    target: z.string().nullable().openapi({ description: 'Of what is open: what was asked for' }),
    node: z.string().nullable().openapi({ description: 'Of what is open: where' }),
    boundTo: z.string().nullable(),
    userAgent: z.string().nullable(),
    apiKeyId: z.string().nullable(),
    lastSeenAt: time.nullable(),
    expiresAt: time.nullable(),
  })
  .openapi('Session')

/** A session, or something that is open, as the API shows it. */
export type SessionBody = z.input<typeof session>

const ofSession = (view: SessionView): SessionBody => ({
  ...{ id: view.id, kind: view.kind, userId: view.userId, username: view.username },
  ...{ source: view.source, since: timeOf(view.createdAt), target: null, node: null },
  ...{ boundTo: view.boundTo, userAgent: view.userAgent, apiKeyId: view.apiKeyId },
  ...{ lastSeenAt: timeOf(view.lastSeenAt), expiresAt: timeOf(view.expiresAt) },
})

const ofLive = (view: LiveObjectView): SessionBody => ({
  ...view,
  since: timeOf(view.since),
  ...{ boundTo: null, userAgent: null, apiKeyId: null, lastSeenAt: null, expiresAt: null },
})

/** Ids are made in the order of time, of both alike. */
const byId = (one: SessionBody, other: SessionBody): number => (one.id < other.id ? -1 : 1)

/** A page of sessions and of what is open at any node, the oldest first, after the id `after`. */
export const findSessionBodies = async (
  reader: Reader,
  of: {
    readonly accountId: string
    readonly settings: AccountSettings
    readonly userId?: string | undefined
    readonly after?: string | undefined
    readonly limit: number
  },
): Promise<readonly SessionBody[]> =>
  [
    ...(await findSessionPage(reader, of)).map(ofSession),
    ...(await findLiveObjects(reader, of)).map(ofLive),
  ]
    .toSorted(byId)
    .slice(0, of.limit)

type One = { readonly accountId: string; readonly id: string }

/** Whose a session is, or something that is open. */
export const findOwner = async (
  reader: Reader,
  { accountId, id }: One,
): Promise<string | undefined> =>
  (await findSessionOwner(reader, accountId, id)) ?? findLiveOwner(reader, accountId, id)

/** Ends it, wherever it lives; the node that holds it acts on the news. */
export const endOne = async (
  tx: Transaction,
  of: One & { readonly actor: Actor },
): Promise<{ readonly ended: true } | { readonly refused: 'not-found' }> => {
  const ended = await endSession(tx, { ...of, reason: 'ended-by-admin' })
  return 'refused' in ended ? askEnd(tx, of) : ended
}
