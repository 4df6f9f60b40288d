import { z } from '@hono/zod-openapi'

const flag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .openapi({ type: 'boolean', enum: undefined as never })

/** A switch in a query: `true` or `false`. */
export const querySwitch = flag.optional()

/** The parameters that every list takes; spread them into its own. */
export const pageQuery = {
  limit: z.coerce.number().pipe(z.int().min(1).max(200)).default(50).openapi({
    type: 'integer',
    minimum: 1,
    maximum: 200,
    default: 50,
  }),
  after: z.string().max(2048).optional().openapi({ description: 'The `next` of the page before' }),
  count: querySwitch.openapi({ description: 'Whether `total` is wanted' }),
}

/** A page of a list: `next` is null on the last one, `total` there only when it was asked for. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable(), total: z.int().optional() })

/** Where a page ended: the sort it belongs to, the last row's key, and its id. */
export type Position = readonly [sort: string, key: string | number, id: string]

const position = z.tuple([z.string(), z.union([z.string(), z.number()]), z.string()])

/** A position as clients get it: opaque, and of no use for anything else. */
export const writeCursor = (at: Position): string =>
  Buffer.from(JSON.stringify(at)).toString('base64url')

/** Undefined for what is no cursor of this sort. */
export const parseCursor = (text: string, sort: string): Position | undefined => {
  try {
    const read = position.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return read[0] === sort ? read : undefined
  } catch {
    return undefined
  }
}
