import { z } from '@hono/zod-openapi'
import type { EventRow } from '../../db/chain.ts'
import { parseAddress } from '../../policies/address.ts'
import type { Cell } from '../csv.ts'
import { instant, line, time, timeOf } from '../fields.ts'
import { pageQuery } from '../paging.ts'

/** One row of the audit. */
export const event = z
  .object({
    seq: z.int(),
    id: z.string(),
    at: time,
    action: z.string().openapi({ example: 'user.disabled' }),
    channel: z.string(),
    actorId: z.string().nullable().openapi({ description: 'Who did it; null: no user' }),
    userId: z.string().nullable().openapi({ description: 'Whom it is about' }),
    username: z.string().nullable(),
    nameDigest: z
      .string()
      .nullable()
      .openapi({ description: 'A keyed digest of a name that is no user’s' }),
    source: z.string().nullable(),
    reason: z.string().nullable(),
    target: z.string().nullable(),
    count: z.int(),
    firstAt: time,
    lastAt: time,
    decisionId: z.string().nullable(),
    before: z.unknown(),
    after: z.unknown(),
    hash: z.string(),
  })
  .openapi('Event')

const valueOf = (json: string | null): unknown => (json === null ? null : JSON.parse(json))

const timed = ({ at, firstAt, lastAt }: EventRow) => ({
  at: timeOf(at),
  firstAt: timeOf(firstAt),
  lastAt: timeOf(lastAt),
})

export const eventBody = (row: EventRow) => ({
  ...row,
  ...timed(row),
  before: valueOf(row.before),
  after: valueOf(row.after),
})

/** The columns of the export, in their order. */
export const eventColumns = [
  ...(['seq', 'id', 'at', 'action', 'channel', 'actorId', 'userId', 'username'] as const),
  ...(['nameDigest', 'source', 'reason', 'target', 'count', 'firstAt', 'lastAt'] as const),
  ...(['decisionId', 'before', 'after', 'hash'] as const),
] satisfies readonly (keyof EventRow)[]

export const eventCells = (row: EventRow): readonly Cell[] => {
  const shown = { ...row, ...timed(row) }
  return eventColumns.map((name) => shown[name])
}

const source = z
  .string()
  .max(64)
  .transform((text, context) => {
    const address = parseAddress(text)
    if (address !== undefined) return address.text
    context.addIssue({ code: 'custom', message: 'takes one address, such as 203.0.113.7' })
    return z.NEVER
  })
  .openapi({ type: 'string', example: '203.0.113.7' })

/** What narrows the audit; the export takes the same. */
export const eventFilter = {
  actor: line(64).optional().openapi({ description: 'The id of who did it' }),
  user: line(64).optional().openapi({ description: 'The id of whom it is about' }),
  action: line(64)
    .optional()
    .openapi({ description: 'What was done', example: 'decision.refused' }),
  reason: line(64).optional().openapi({ description: 'Why not', example: 'secret-wrong' }),
  channel: z
    .enum(['http', 'smpp', 'web', 'cli', 'system'])
    .optional()
    .openapi({ description: 'On which wire' }),
  source: source.optional().openapi({ description: 'The client address' }),
  from: instant.optional().openapi({ description: 'From this instant on' }),
  to: instant.optional().openapi({ description: 'Before this instant' }),
}

export const eventQuery = z.strictObject({ ...pageQuery, ...eventFilter })

export const eventExportQuery = z.strictObject(eventFilter)

export const verified = z
  .object({
    ok: z.boolean(),
    rows: z.int(),
    firstBroken: z
      .object({
        seq: z.int(),
        id: z.string().optional(),
        why: z.enum(['changed', 'missing', 'inserted', 'head']),
      })
      .optional(),
  })
  .openapi('Verified')
