import type { z } from '@hono/zod-openapi'
import { deleteApiKey, editApiKey, issueApiKey, renewApiKey } from '../../db/api-key-changes.ts'
import { countApiKeys, findApiKeyPage, findApiKeyView } from '../../db/api-key-lists.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { createToken, digestToken } from '../../db/secrets.ts'
import type { Permissions } from '../../policies/permissions.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { isStale } from '../etag.ts'
import { claimRights, findTouchable, isByLesserKey } from '../guard.ts'
import { pageOf, readPage } from '../paging.ts'
import type { Refused } from '../problems.ts'
import { createRoutes, type Done } from '../routes.ts'
import {
  apiKey,
  apiKeyBody,
  apiKeyPatch,
  apiKeyQuery,
  issuedApiKey,
  newApiKey,
  rotation,
} from './api-key-schemas.ts'

type Asked = {
  readonly caller: Caller
  readonly id: string
  readonly ifMatch: string | undefined
}

type Of = Parameters<typeof deleteApiKey>[1]

/** What the caller may do now, if they may have to do with the keys of this user. */
const claimKeysOf = async (
  tx: Transaction,
  caller: Caller,
  userId: string,
): Promise<Permissions | Refused> => {
  const user = await findTouchable(tx, caller, userId)
  if ('refused' in user) return user
  return isByLesserKey(caller) ? { refused: 'beyond-own-rights' } : claimRights(tx, caller)
}

/** Changes a key of a user whom the caller may touch, as the version that it is meant for. */
const change = <T extends object>(
  { database }: ApiDeps,
  { caller, id, ifMatch }: Asked,
  work: (tx: Transaction, of: Of) => Promise<T>,
): Promise<T | Refused> =>
  transact(database, async (tx) => {
    const { accountId } = caller.user
    const key = await findApiKeyView(tx, accountId, id)
    if (key === undefined) return { refused: 'not-found' }
    const held = await claimKeysOf(tx, caller, key.userId)
    if ('refused' in held) return held
    if (isStale(ifMatch, key.version)) return { refused: 'stale' }
    return work(tx, { actor: caller.actor, accountId, held, id })
  })

type Shown = Done<z.input<typeof apiKey>>

const common = { tag: 'API keys', permission: 'api-keys/manage' } as const
const one = { ...common, path: '/api-keys/{id}' } as const
const many = { ...common, path: '/api-keys' } as const

export const createApiKeyRoutes = (deps: ApiDeps) => {
  const { database, random } = deps
  const { app, add } = createRoutes(deps.enter)

  const show = async (caller: Caller, id: string): Promise<Shown | Refused> => {
    const view = await findApiKeyView(database, caller.user.accountId, id)
    if (view === undefined) return { refused: 'not-found' }
    return { body: apiKeyBody(view), version: view.version }
  }
  const showWithSecret = async (caller: Caller, id: string, secret: string) => {
    const shown = await show(caller, id)
    return 'refused' in shown ? shown : { ...shown, body: { ...shown.body, secret } }
  }

  add(
    {
      ...many,
      operationId: 'listApiKeys',
      method: 'get',
      summary: 'The keys of the account, or of one of its users, the oldest first',
      query: apiKeyQuery,
      answer: pageOf(apiKey),
    },
    async ({ caller, query: { userId, ...query } }) => {
      const of = { accountId: caller.user.accountId, userId }
      const page = await readPage({
        list: 'api-keys',
        query,
        find: (after, limit) => findApiKeyPage(database, { ...of, after, limit }),
        keyOf: ({ id }) => id,
        count: () => countApiKeys(database, of),
      })
      return 'faults' in page ? page : { body: { ...page, items: page.items.map(apiKeyBody) } }
    },
  )
  add(
    {
      ...many,
      operationId: 'createApiKey',
      method: 'post',
      summary: 'Make a key; its secret is shown this once',
      description:
        'For a user who holds no more than oneself, and of permissions that one holds; by a key only with one that is not narrowed, bound to addresses or to end.',
      body: newApiKey,
      takesLong: true,
      answer: issuedApiKey,
      status: 201,
      refusals: ['beyond-own-rights'],
    },
    async ({ caller, body: { userId = caller.user.id, ...draft } }) => {
      const { actor } = caller
      const { accountId } = caller.user
      const secret = createToken(random)
      const made = await transact(database, async (tx) => {
        const held = await claimKeysOf(tx, caller, userId)
        if ('refused' in held) return held
        const by = { actor, accountId, held }
        return issueApiKey(tx, { ...by, userId, digest: digestToken(secret), draft })
      })
      if ('id' in made) return showWithSecret(caller, made.id, secret)
      return 'refused' in made && made.refused === 'not-found'
        ? { faults: [{ path: 'userId', message: 'names a user that there is not' }] }
        : made
    },
  )
  add(
    { ...one, operationId: 'readApiKey', method: 'get', summary: 'A key', answer: apiKey },
    ({ caller, params: { id } }) => show(caller, id),
  )
  add(
    {
      ...one,
      operationId: 'editApiKey',
      method: 'patch',
      summary: 'Edit a key, and end what it no longer allows',
      body: apiKeyPatch,
      takesLong: true,
      answer: apiKey,
      refusals: ['beyond-own-rights'],
    },
    async ({ caller, params: { id }, body: draft, ifMatch }) => {
      const edited = await change(deps, { caller, id, ifMatch }, (tx, of) =>
        editApiKey(tx, { ...of, draft }),
      )
      return 'id' in edited ? show(caller, id) : edited
    },
  )
  add(
    {
      ...one,
      operationId: 'deleteApiKey',
      method: 'delete',
      summary: 'Delete a key, and the sessions that it opened',
      refusals: ['beyond-own-rights', 'stale'],
    },
    async ({ caller, params: { id }, ifMatch }) => {
      const gone = await change(deps, { caller, id, ifMatch }, deleteApiKey)
      return 'refused' in gone ? gone : undefined
    },
  )
  add(
    {
      ...common,
      operationId: 'rotateApiKey',
      method: 'post',
      path: '/api-keys/{id}/rotate',
      summary: 'A new secret, shown this once; the one before stays good for the overlap',
      body: rotation,
      answer: issuedApiKey,
      refusals: ['beyond-own-rights', 'stale'],
    },
    async ({ caller, params: { id }, body: { overlapSeconds }, ifMatch }) => {
      const secret = createToken(random)
      const digest = digestToken(secret)
      const renewed = await change(deps, { caller, id, ifMatch }, (tx, of) =>
        renewApiKey(tx, { ...of, digest, overlapSeconds }),
      )
      return 'id' in renewed ? showWithSecret(caller, id, secret) : renewed
    },
  )
  return app
}
