import { z } from '@hono/zod-openapi'
import { countSources, findSourcePage } from '../../db/source-rows.ts'
import { findUserOf } from '../../db/user-rows.ts'
import type { ApiDeps } from '../deps.ts'
import { time, timeOf } from '../fields.ts'
import { maySee } from '../guard.ts'
import { pageOf, pageQuery, parseCursor, writeCursor } from '../paging.ts'
import { createRoutes } from '../routes.ts'

const source = z
  .object({
    source: z.string(),
    channel: z.enum(['http', 'smpp', 'web']),
    outcome: z.enum(['permitted', 'refused']),
    reason: z.string().nullable().openapi({ description: 'null: it was permitted' }),
    firstAt: time,
    lastAt: time,
    count: z.int(),
  })
  .openapi('Source')

type Item = z.input<typeof source>

const list = 'sources'

const positionOf = (cursor: string) => {
  const [, lastAt, id] = parseCursor(cursor, list) ?? []
  return typeof lastAt === 'number' && /^\d{1,15}$/.test(id ?? '')
    ? { lastAt, id: Number(id) }
    : undefined
}

/** From where a user came or tried to come, and what came of it (U18). */
export const createSourceRoutes = ({ database, enter }: ApiDeps) => {
  const { app, add } = createRoutes(enter)
  add(
    {
      operationId: 'listUserSources',
      method: 'get',
      path: '/users/{id}/sources',
      tag: 'Users',
      summary: 'From where a user came or tried to come, the latest first',
      description: "One's own, or with `users/view` anybody's. Counts are a second old at most.",
      permission: undefined,
      query: z.strictObject(pageQuery),
      answer: pageOf(source),
      refusals: ['forbidden'],
    },
    async ({ caller, params: { id: userId }, query: { limit, after: cursor, count } }) => {
      if (!maySee(caller, userId, 'users/view')) return { refused: 'forbidden' }
      const user = await findUserOf(database, caller.user.accountId, userId)
      if (user === undefined) return { refused: 'not-found' }
      const after = cursor === undefined ? undefined : positionOf(cursor)
      if (cursor !== undefined && after === undefined)
        return { faults: [{ path: 'after', message: 'is no page of this list' }] }
      const found = await findSourcePage(database, { userId, after, limit: limit + 1 })
      const rows = found.slice(0, limit)
      const last = found.length > limit ? rows.at(-1) : undefined
      const items = rows.map((row): Item => ({
        ...{ source: row.source, count: row.count },
        channel: row.channel as Item['channel'],
        outcome: row.outcome as Item['outcome'],
        reason: row.reason === '' ? null : row.reason,
        ...{ firstAt: timeOf(row.firstAt), lastAt: timeOf(row.lastAt) },
      }))
      const next = last ? writeCursor([list, last.lastAt, String(last.id)]) : null
      const total = count === true ? await countSources(database, userId) : undefined
      return { body: { items, next, total } }
    },
  )
  return app
}
