import { z } from '@hono/zod-openapi'
import { findNodes } from '../../db/nodes.ts'
import type { ApiDeps } from '../deps.ts'
import { time, timeOf } from '../fields.ts'
import { createRoutes } from '../routes.ts'

const node = z
  .object({
    id: z.string(),
    name: z.string(),
    version: z.string(),
    startedAt: time,
    seenAt: time,
    policyAgeMs: z.int().openapi({ description: 'How old its knowledge of changes was then' }),
    degraded: z.boolean().openapi({ description: 'It could not reach what the nodes share' }),
  })
  .openapi('Node')

/** The processes that serve the directory; they are the platform's, and no account's. */
export const createNodeRoutes = ({ database, enter }: ApiDeps) => {
  const { app, add } = createRoutes(enter)
  add(
    {
      operationId: 'listNodes',
      method: 'get',
      path: '/nodes',
      tag: 'Platform',
      summary: 'The nodes that serve, each with its last sign of life',
      permission: 'accounts/manage',
      answer: z.object({ items: z.array(node) }),
    },
    async () => {
      const items = (await findNodes(database)).map(({ id, name, version, ...told }) => ({
        ...{ id, name, version },
        startedAt: timeOf(told.startedAt),
        seenAt: timeOf(told.seenAt),
        policyAgeMs: told.policyAge,
        degraded: told.degraded,
      }))
      return { body: { items } }
    },
  )
  return app
}
