import { z } from '@hono/zod-openapi'
import type { Faulty } from './problems.ts'

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
    description: 'How many at most',
  }),
  after: z.string().max(2048).optional().openapi({ description: 'The `next` of the page before' }),
  count: querySwitch.openapi({ description: 'Whether `total` is wanted' }),
}

/** A page of a list: `next` is null on the last one, `total` there only when it was asked for. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable(), total: z.int().optional() })

/** Where a page ended: the sort it belongs to, the last row's key, and its id. */
export type Position = readonly [sort: string, key: string | number, id: string]

/** Cursors come back as anybody writes them: no database is asked for NUL, or beyond integers. */
const text = z.string().refine((it) => !it.includes('\0'))
const position = z.tuple([text, z.union([text, z.int()]), text])

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

/** What a page of rows in the order of one text (an id, a folded name) is made of. */
export type Listing<Row> = {
  /** Whose the cursors are: those of another list are refused. */
  readonly list: string
  readonly query: {
    readonly limit: number
    readonly after?: string | undefined
    readonly count?: boolean | undefined
  }
  /** Rows behind this key, at most so many. */
  readonly find: (after: string | undefined, limit: number) => Promise<readonly Row[]>
  readonly keyOf: (row: Row) => string
  readonly count: () => Promise<number>
}

/** A page, and the total if it was asked for; one row more than wanted tells whether there is a next. */
export const readPage = async <Row>({
  list,
  query: { limit, after: cursor, count: isCounted },
  find,
  keyOf,
  count,
}: Listing<Row>): Promise<
  { readonly items: readonly Row[]; readonly next: string | null; readonly total?: number } | Faulty
> => {
  const after = cursor === undefined ? undefined : parseCursor(cursor, list)
  if (cursor !== undefined && after === undefined)
    return { faults: [{ path: 'after', message: 'is no page of this list' }] }
  const rows = await find(after && String(after[1]), limit + 1)
  const items = rows.slice(0, limit)
  const last = rows.length > limit ? items.at(-1) : undefined
  return {
    items,
    next: last === undefined ? null : writeCursor([list, keyOf(last), '']),
    ...(isCounted === true ? { total: await count() } : {}),
  }
}
