import { z } from '@hono/zod-openapi'
import { findAccount } from '../../db/accounts.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { countLiveObjects } from '../../db/live-objects.ts'
import { countSessions } from '../../db/session-lists.ts'
import { findUserOf } from '../../db/user-rows.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { findOwnOrTouchable, maySee } from '../guard.ts'
import { pageOf, pageQuery, readPage } from '../paging.ts'
import type { Refused } from '../problems.ts'
import { createRoutes } from '../routes.ts'
import { endOne, findOwner, findSessionBodies, session } from './session-bodies.ts'

const permission = 'sessions/manage'
const query = z.strictObject(pageQuery)
const whose = "One's own, or with `sessions/manage` anybody's."

/** Ends what has this id, if it is this user's. */
const end = async (
  tx: Transaction,
  caller: Caller,
  { id, userId }: { readonly id: string; readonly userId?: string },
): Promise<object | Refused> => {
  const { actor } = caller
  const { accountId } = caller.user
  // Whose it is stays unknown to who may look at their own alone.
  if (userId !== undefined && !maySee(caller, userId, permission)) return { refused: 'forbidden' }
  const owner = await findOwner(tx, { accountId, id })
  if (owner === undefined || (userId ?? owner) !== owner) return { refused: 'not-found' }
  const touched = await findOwnOrTouchable(tx, caller, { userId: owner, permission })
  return 'refused' in touched ? touched : endOne(tx, { actor, accountId, id })
}

/** Who is signed in, who is bound, who has an open stream, at any node; each can be ended (U17). */
export const createSessionRoutes = (deps: ApiDeps) => {
  const { database, liveLog } = deps
  const { app, add } = createRoutes(deps.enter)

  const read = async (
    { user: { accountId } }: Caller,
    query: z.output<z.ZodObject<typeof pageQuery>>,
    userId?: string,
  ) => {
    // What has just been opened here is told first; the other nodes do so every few seconds.
    await liveLog.look()
    const account = await findAccount(database, accountId)
    if (account === undefined) throw new Error('a caller without an account')
    const of = { accountId, userId, settings: account.settings }
    const page = await readPage({
      ...{ list: 'sessions', query },
      find: (after, limit) => findSessionBodies(database, { ...of, after, limit }),
      keyOf: ({ id }) => id,
      count: async () =>
        (await countSessions(database, of)) + (await countLiveObjects(database, of)),
    })
    return 'faults' in page ? page : { body: { ...page, items: [...page.items] } }
  }

  const endNow = async (caller: Caller, of: { readonly id: string; readonly userId?: string }) => {
    await liveLog.look()
    const ended = await transact(database, (tx) => end(tx, caller, of))
    if ('refused' in ended) return ended
    // What is open here is ended before the answer; other nodes hear of it within a second.
    await liveLog.look()
    return undefined
  }

  add(
    {
      operationId: 'listSessions',
      method: 'get',
      path: '/sessions',
      tag: 'Sessions',
      summary: 'Who is signed in, bound, or has an open stream, at any node',
      permission,
      query,
      answer: pageOf(session),
    },
    ({ caller, query }) => read(caller, query),
  )
  add(
    {
      operationId: 'endSession',
      method: 'delete',
      path: '/sessions/{id}',
      tag: 'Sessions',
      summary: 'End one, wherever it lives',
      description: 'In force within a second; a bind is unbound on both legs.',
      permission,
      refusals: ['beyond-own-rights'],
    },
    ({ caller, params: { id } }) => endNow(caller, { id }),
  )
  add(
    {
      operationId: 'listUserSessions',
      method: 'get',
      path: '/users/{id}/sessions',
      tag: 'Sessions',
      summary: 'What a user has open',
      description: whose,
      permission: undefined,
      query,
      answer: pageOf(session),
      refusals: ['forbidden'],
    },
    async ({ caller, params: { id }, query }) => {
      if (!maySee(caller, id, permission)) return { refused: 'forbidden' }
      const user = await findUserOf(database, caller.user.accountId, id)
      return user === undefined ? { refused: 'not-found' } : read(caller, query, id)
    },
  )
  add(
    {
      operationId: 'endUserSession',
      method: 'delete',
      path: '/users/{id}/sessions/{sessionId}',
      tag: 'Sessions',
      summary: 'End one of a user’s',
      description: whose,
      permission: undefined,
      refusals: ['forbidden', 'beyond-own-rights'],
    },
    ({ caller, params: { id: userId, sessionId: id } }) => endNow(caller, { id, userId }),
  )
  return app
}
