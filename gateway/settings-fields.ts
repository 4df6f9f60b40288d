import { z } from 'zod'
import { parseEndpoint } from './endpoint.ts'
import { parseHttpUpstream, parseSmppUpstream } from './upstream-urls.ts'

/** A text that is read at once; `right` says what it must be, and never repeats what it was. */
export const text = <Value>(right: string, parse: (written: string) => Value | undefined) =>
  z
    .string({ error: right })
    .transform((written, context): Value => {
      const value = parse(written)
      if (value !== undefined) return value
      context.addIssue({ code: 'custom', message: right })
      return z.NEVER
    })
    .describe(right.replace(/^must be /, ''))

export const matching = (right: string, fits: (written: string) => boolean) =>
  text(right, (written) => (fits(written) ? written : undefined))

/** A whole number of the unit that its name ends in. */
export const whole = (least: number, most: number) => {
  const error = `must be a whole number from ${least} to ${most}`
  return z.int({ error }).min(least, { error }).max(most, { error })
}
export const flag = () => z.boolean({ error: 'must be true or false' })
export const part = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject(shape, { error: 'must be an object' })
export const list = <Item extends z.ZodType>(item: Item, what: string) => {
  const error = `must be a list of ${what}, at least one`
  return z.array(item, { error }).min(1, { error })
}
export const oneOf = <const Word extends string>(...words: readonly Word[]) =>
  z.enum(words, { error: `must be one of ${words.join(', ')}` })

export const endpoint = (example: string) =>
  text(`must be host:port, such as ${example} (port 0 takes a free one)`, parseEndpoint)
export const httpUpstream = text(
  'must be http://host[:port][/path] or https://…, without credentials, query or fragment',
  parseHttpUpstream,
)
export const smppUpstream = text(
  'must be smpp://[user:password@]host:port or smpps://…',
  parseSmppUpstream,
)
