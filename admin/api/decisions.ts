import { z } from '@hono/zod-openapi'
import { findDecision } from '../../db/event-search.ts'
import type { FoundRefusal } from '../../db/refusals.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { imaginedOf, readImagined, type Imagined } from '../../policies/imagined.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { line, time, timeOf } from '../fields.ts'
import { createRoutes } from '../routes.ts'
import { scopeOf } from './events.ts'

const explanation = {
  effect: z.enum(['permit', 'challenge', 'refuse', 'unknown']),
  reason: z.string().nullable(),
  rules: z
    .array(
      z.object({
        rule: z.string(),
        outcome: z.enum(['passed', 'permit', 'challenge', 'refuse', 'unknown']),
        because: z.string().nullable(),
      }),
    )
    .openapi({ description: 'In their order; the first that does not pass decides' }),
}

const explained = z.object(explanation).openapi('Explanation')

const decision = z
  .object({
    decision: z.object({
      id: z.string(),
      reason: z.string().nullable(),
      channel: z.string(),
      source: z.string().nullable(),
      userId: z.string().nullable(),
      username: z.string().nullable(),
      target: z.string().nullable(),
      count: z.int().openapi({ description: 'How many of this kind there were in that minute' }),
      firstAt: time,
      lastAt: time,
    }),
    ...explanation,
  })
  .openapi('ExplainedDecision')

/** What of it cannot be read is told by the policy's own reader, all at once. */
const written = z
  .strictObject({
    channel: z
      .string()
      .max(64)
      .openapi({ enum: ['http', 'smpp', 'web'] }),
    username: line(254),
    credential: z
      .string()
      .max(64)
      .openapi({ enum: ['password', 'api-key', 'session'], description: 'Taken to be right' }),
    source: z.string().max(64).openapi({ example: '203.0.113.7' }),
    method: z.string().max(32).optional(),
    path: z
      .string()
      .max(8192)
      .optional()
      .openapi({ description: 'Without it no route is asked about' }),
    host: z.string().max(255).optional(),
  })
  .openapi('ImaginedAttempt')

const decisionOf = (id: string, { event, count, firstAt, lastAt }: FoundRefusal) => ({
  ...{ id, reason: event.reason, channel: event.channel, source: event.source },
  ...{ userId: event.userId, username: event.username, target: event.target },
  ...{ count, firstAt: timeOf(firstAt), lastAt: timeOf(lastAt) },
})

const common = { tag: 'Audit', permission: 'decisions/explain' } as const

/** Why something was refused, or would be: the rules in order, and what each says (U15). */
export const createDecisionRoutes = ({ database, explain, findRoute, enter }: ApiDeps) => {
  const { app, add } = createRoutes(enter)

  /** Another account's name is nobody's here. */
  const within = async (caller: Caller, imagined: Imagined): Promise<Imagined> => {
    const { username } = imagined
    const user = username === undefined ? undefined : await findUserByName(database, username)
    return user?.accountId === caller.user.accountId
      ? imagined
      : { ...imagined, username: undefined }
  }

  add(
    {
      ...common,
      operationId: 'readDecision',
      method: 'get',
      path: '/decisions/{id}',
      summary: 'A refusal by its id, and what the rules say of it now',
      description:
        'The id is in `x-sallyport-decision` and in `instance`. Permits are not written down one by one.',
      answer: decision,
    },
    async ({ caller, params }) => {
      const id = params.id.replace(/^urn:uuid:/, '')
      const found = await findDecision(database, scopeOf(caller), id)
      if (found === undefined) return { refused: 'not-found' }
      const imagined = imaginedOf(found.event)
      const route = findRoute(imagined)
      const now = await explain({ ...imagined, ...(route && { route }) })
      return { body: { ...now, rules: [...now.rules], decision: decisionOf(id, found) } }
    },
  )
  add(
    {
      ...common,
      operationId: 'explain',
      method: 'post',
      path: '/decisions/explain',
      summary: 'What the rules say of an attempt that nobody makes',
      description:
        'By the same array of rules that decides; nothing is tried, counted or written. The credential is taken to be right.',
      body: written,
      answer: explained,
    },
    async ({ caller, body }) => {
      const read = readImagined(body)
      if ('faults' in read) return read
      const said = await explain(await within(caller, read.imagined))
      return { body: { ...said, rules: [...said.rules] } }
    },
  )
  return app
}
