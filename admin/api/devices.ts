import { z } from '@hono/zod-openapi'
import { transact } from '../../db/database.ts'
import {
  countDevices,
  countRegistered,
  findAuthenticators,
  findDevices,
  removeAuthenticator,
  removeDevice,
} from '../../db/devices.ts'
import { findUserOf } from '../../db/user-rows.ts'
import type { ApiDeps } from '../deps.ts'
import { time, timeOf, timeOrNull } from '../fields.ts'
import { findIdentity, maySee } from '../guard.ts'
import { pageOf, pageQuery, readPage } from '../paging.ts'
import { createRoutes } from '../routes.ts'

const device = z
  .object({
    id: z.string(),
    name: z.string(),
    createdAt: time,
    lastUse: z.object({ at: time, source: z.string().nullable() }),
    expiresAt: time,
  })
  .openapi('Device')

const authenticator = z
  .object({
    id: z.string(),
    name: z.string(),
    confirmedAt: time.nullable().openapi({ description: 'null: it waits for its first code' }),
    createdAt: time,
    lastUsedAt: time.nullable(),
  })
  .openapi('Authenticator')

const permission = 'users/manage'
const whose = "One's own, or with `users/manage` anybody's."
const query = z.strictObject(pageQuery)

/** The pages of both are alike, and so is their removal. */
const removals = [
  {
    operationId: 'removeDevice',
    path: '/users/{id}/devices/{deviceId}',
    summary: 'Forget a browser: its next sign-in is asked for a PIN',
    remove: removeDevice,
  },
  {
    operationId: 'removeAuthenticator',
    path: '/users/{id}/authenticators/{deviceId}',
    summary: 'Remove a registered device; without any, PINs go by e-mail again',
    remove: removeAuthenticator,
  },
] as const

export const createDeviceRoutes = (deps: ApiDeps) => {
  const { database } = deps
  const { app, add } = createRoutes(deps.enter)

  add(
    {
      operationId: 'listDevices',
      method: 'get',
      path: '/users/{id}/devices',
      tag: 'Users',
      summary: 'The browsers that are remembered',
      description: whose,
      permission: undefined,
      query,
      answer: pageOf(device),
      refusals: ['forbidden'],
    },
    async ({ caller, params: { id }, query }) => {
      if (!maySee(caller, id, permission)) return { refused: 'forbidden' }
      const { accountId } = caller.user
      const user = await findUserOf(database, accountId, id)
      if (user === undefined) return { refused: 'not-found' }
      const page = await readPage({
        list: 'devices',
        query,
        find: (after, limit) => findDevices(database, { accountId, userId: id, after, limit }),
        keyOf: (row) => row.id,
        count: () => countDevices(database, user),
      })
      if ('faults' in page) return page
      const items = page.items.map(
        ({ id, name, createdAt, lastUsedAt, lastSource, expiresAt }) => ({
          ...{ id, name, createdAt: timeOf(createdAt), expiresAt: timeOf(expiresAt) },
          lastUse: { at: timeOf(lastUsedAt), source: lastSource },
        }),
      )
      return { body: { ...page, items } }
    },
  )
  add(
    {
      operationId: 'listAuthenticators',
      method: 'get',
      path: '/users/{id}/authenticators',
      tag: 'Users',
      summary: 'The registered devices that answer challenges (TOTP)',
      description: whose,
      permission: undefined,
      query,
      answer: pageOf(authenticator),
      refusals: ['forbidden'],
    },
    async ({ caller, params: { id }, query }) => {
      if (!maySee(caller, id, permission)) return { refused: 'forbidden' }
      const { accountId } = caller.user
      if ((await findUserOf(database, accountId, id)) === undefined) return { refused: 'not-found' }
      const page = await readPage({
        list: 'authenticators',
        query,
        find: (after, limit) =>
          findAuthenticators(database, { accountId, userId: id, after, limit }),
        keyOf: (row) => row.id,
        count: () => countRegistered(database, id),
      })
      if ('faults' in page) return page
      const items = page.items.map(({ id, name, confirmedAt, createdAt, lastUsedAt }) => ({
        ...{ id, name, confirmedAt: timeOrNull(confirmedAt), createdAt: timeOf(createdAt) },
        lastUsedAt: timeOrNull(lastUsedAt),
      }))
      return { body: { ...page, items } }
    },
  )
  for (const { remove, ...spec } of removals)
    add(
      {
        ...spec,
        method: 'delete',
        needsAllNodes: true,
        tag: 'Users',
        description: `${whose} Nobody's own with a key.`,
        permission: undefined,
        refusals: ['forbidden', 'beyond-own-rights', 'stale'],
      },
      async ({ caller, params: { id, deviceId }, ifMatch }) => {
        const { actor } = caller
        const { accountId } = caller.user
        const removed = await transact(database, async (tx) => {
          const user = await findIdentity(tx, caller, { userId: id, permission, ifMatch })
          if ('refused' in user) return user
          return remove(tx, { actor, accountId, userId: id, id: deviceId })
        })
        return 'refused' in removed ? removed : undefined
      },
    )
  return app
}
