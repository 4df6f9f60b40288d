import { z } from '@hono/zod-openapi'
import { time } from '../fields.ts'
import { writtenEntries } from './user-schemas.ts'

const entry = z.object({
  range: z.string(),
  description: z.string(),
  expiresAt: time.nullable(),
})

const notes = z.array(z.object({ path: z.string(), message: z.string() })).openapi({
  description: 'What was understood otherwise than it was written, such as bits behind a prefix',
})

export const safelistBody = z.strictObject({ entries: writtenEntries }).openapi('WrittenSafelist')

export const safelist = z
  .object({
    entries: z.array(entry).openapi({ description: 'None: every address is allowed' }),
    notes: notes.optional(),
  })
  .openapi('Safelist')

/** What a list that is not saved yet would do. */
export const safelistPreview = z
  .object({
    ranges: z.array(z.string()).openapi({ description: 'As they would be kept' }),
    notes,
    coversYou: z
      .boolean()
      .openapi({ description: 'Whether the list covers the address that you come from' }),
    live: z
      .array(
        z.object({
          id: z.string(),
          kind: z.enum(['http', 'upgrade', 'bind', 'web', 'token', 'bearer']),
          source: z.string().nullable(),
          since: time,
        }),
      )
      .openapi({ description: 'What is open now and would end: exchanges, binds, sessions' }),
    sources: z
      .array(
        z.object({
          source: z.string(),
          channels: z.array(z.string()),
          firstAt: time,
          lastAt: time,
          count: z.int(),
        }),
      )
      .openapi({ description: 'From where the user came in the last 30 days and no longer would' }),
  })
  .openapi('SafelistPreview')
