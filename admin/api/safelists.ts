import { findAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { findLiveObjects } from '../../db/live-objects.ts'
import { previewSafelist } from '../../db/safelist-preview.ts'
import { findEntries, replaceSafelist } from '../../db/safelists.ts'
import { findSessionPage } from '../../db/session-lists.ts'
import { findUserOf } from '../../db/user-rows.ts'
import type { WrittenEntry } from '../../policies/safelist.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { timeOf, timeOrNull } from '../fields.ts'
import { findTouchable, maySee } from '../guard.ts'
import { createRoutes } from '../routes.ts'
import { safelist, safelistBody, safelistPreview } from './safelist-schemas.ts'

/** As many of a user's sessions as a preview looks at. */
const mostSessions = 1000

type Open = {
  readonly id: string
  readonly kind: 'http' | 'upgrade' | 'bind' | 'web' | 'token' | 'bearer'
  readonly source: string | null
  readonly since: number
}

/** What a user has open: exchanges and binds at any node, and sessions. */
const findOpen = async (
  { database, live, liveLog }: ApiDeps,
  of: { readonly accountId: string; readonly userId: string },
): Promise<readonly Open[]> => {
  const account = await findAccount(database, of.accountId)
  if (account === undefined) return []
  const { settings } = account
  const sessions = await findSessionPage(database, { ...of, settings, limit: mostSessions })
  await liveLog.look()
  const elsewhere = await findLiveObjects(database, { ...of, limit: mostSessions })
  const here = live.of(of.userId)
  const ids = new Set(here.map(({ id }) => id))
  return [
    ...here.map((item) => ({ ...item, source: item.source ?? null })),
    ...elsewhere
      .filter(({ id }) => !ids.has(id))
      .map(({ id, kind, source, since }) => ({ id, kind, source, since })),
    ...sessions.map(({ id, kind, source, boundTo, createdAt }) => {
      return { id, kind, source: boundTo ?? source, since: createdAt }
    }),
  ]
}

const readPreview = async (
  deps: ApiDeps,
  caller: Caller,
  { userId, entries }: { readonly userId: string; readonly entries: readonly WrittenEntry[] },
) => {
  const { accountId } = caller.user
  const preview = await previewSafelist(deps.database, {
    accountId,
    userId,
    entries,
    live: await findOpen(deps, { accountId, userId }),
    client: caller.client.text,
  })
  if (!('ranges' in preview)) return preview
  const { ranges, notes, sources, live, coversClient } = preview
  return {
    body: {
      ranges: [...ranges],
      notes: [...notes],
      coversYou: coversClient,
      live: live.map((item) => ({ ...item, since: timeOf(item.since) })),
      sources: sources.map(({ source, channels, firstAt, lastAt, count }) => {
        const times = { firstAt: timeOf(firstAt), lastAt: timeOf(lastAt) }
        return { source, channels: [...channels], ...times, count }
      }),
    },
  }
}

const common = { path: '/users/{id}/safelist', tag: 'Users' } as const

export const createSafelistRoutes = (deps: ApiDeps) => {
  const { database } = deps
  const { app, add } = createRoutes(deps.enter)

  const show = async (caller: Caller, userId: string) => {
    const user = await findUserOf(database, caller.user.accountId, userId)
    if (user === undefined) return { refused: 'not-found' } as const
    const entries = (await findEntries(database, userId)).map(
      ({ range, description, expiresAt }) => {
        return { range, description, expiresAt: timeOrNull(expiresAt) }
      },
    )
    return { body: { entries }, version: user.version }
  }

  add(
    {
      ...common,
      operationId: 'readSafelist',
      method: 'get',
      summary: 'From where a user may come',
      description: "One's own, or with `safelist/manage` anybody's.",
      permission: undefined,
      answer: safelist,
      refusals: ['forbidden'],
    },
    async ({ caller, params: { id } }) =>
      maySee(caller, id, 'safelist/manage') ? show(caller, id) : { refused: 'forbidden' },
  )
  add(
    {
      ...common,
      operationId: 'replaceSafelist',
      needsAllNodes: true,
      method: 'put',
      summary: 'Say from where a user may come, and end what comes from elsewhere',
      description: "One's own has to cover the address that one comes from, without an end.",
      permission: 'safelist/manage',
      body: safelistBody,
      takesLong: true,
      answer: safelist,
      refusals: ['beyond-own-rights', 'safelist-excludes-you', 'stale'],
    },
    async ({ caller, params: { id }, body: { entries }, ifMatch }) => {
      const { actor } = caller
      const replaced = await transact(database, async (tx) => {
        const user = await findTouchable(tx, caller, id, ifMatch)
        return 'refused' in user ? user : replaceSafelist(tx, { actor, userId: id, entries })
      })
      if (!('notes' in replaced)) return replaced
      const shown = await show(caller, id)
      return 'refused' in shown
        ? shown
        : { ...shown, body: { ...shown.body, notes: [...replaced.notes] } }
    },
  )
  add(
    {
      operationId: 'previewSafelist',
      method: 'post',
      path: '/users/{id}/safelist/preview',
      tag: 'Users',
      summary: 'Whom and what a list would cut off',
      description:
        'By the same reading and the same policy as when it is saved; nothing is changed. Of what is open at other nodes, what lasted for some seconds; of sessions, and of these, the first thousand.',
      permission: 'safelist/manage',
      body: safelistBody,
      takesLong: true,
      answer: safelistPreview,
    },
    ({ caller, params: { id }, body: { entries } }) =>
      readPreview(deps, caller, { userId: id, entries }),
  )
  return app
}
