import { follow, type ApiDocument, type Schema } from './operations.ts'

export type Sampling = {
  /** Makes names and addresses of one's own. */
  readonly serial: number
  /** With every member that there may be. */
  readonly isFull?: boolean
}

/** What a text is by its name, where the schema says less than the rules. */
const byName: Readonly<Record<string, (serial: number) => string>> = {
  username: (serial) => `sample-${serial}`,
  password: (serial) => `ochre planted ${serial} kettle`,
}

const textOf = ({ example, format, pattern }: Schema, name: string, serial: number): unknown => {
  const named = byName[name]
  if (named !== undefined) return named(serial)
  if (example !== undefined) return example
  if (format === 'email') return `sample-${serial}@example.com`
  if (format === 'date-time') return '2099-01-01T00:00:00.000Z'
  return pattern?.startsWith('^\\+') === true ? '+41793026727' : `sample ${serial}`
}

/** Its members: those that it must have, or the first, so that a patch changes something. */
const membersOf = (
  { properties = {}, required = [] }: Schema,
  { isFull }: Sampling,
): readonly string[] => {
  if (isFull === true) return Object.keys(properties)
  return required.length > 0 ? required : Object.keys(properties).slice(0, 1)
}

/** A value that a schema of the document takes. */
export const sampleOf = (
  document: ApiDocument,
  written: Schema,
  sampling: Sampling,
  name = '',
): unknown => {
  const schema = follow(document, written)
  const [type] = [schema.type].flat()
  if (schema.enum !== undefined) return schema.enum[0]
  if (type === 'object')
    return Object.fromEntries(
      membersOf(schema, sampling).map((member) => {
        const of = schema.properties?.[member] ?? {}
        return [member, sampleOf(document, of, sampling, member)]
      }),
    )
  if (type === 'array')
    return Array.from(
      { length: Math.max(schema.minItems ?? 0, sampling.isFull === true ? 1 : 0) },
      () => sampleOf(document, schema.items ?? {}, sampling),
    )
  if (type === 'string') return textOf(schema, name, sampling.serial)
  if (type === 'boolean') return true
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1
  throw new Error(`no sample of ${name}: ${JSON.stringify(schema)}`)
}

/** Where the texts of a body stand: the names on the way, a number for the first of a list. */
export const textsIn = (
  document: ApiDocument,
  written: Schema,
  at: readonly (string | number)[] = [],
): readonly (readonly (string | number)[])[] => {
  const schema = follow(document, written)
  const [type] = [schema.type].flat()
  if (type === 'string') return [at]
  if (type === 'array') return textsIn(document, schema.items ?? {}, [...at, 0])
  return Object.entries(schema.properties ?? {}).flatMap(([name, of]) =>
    textsIn(document, of, [...at, name]),
  )
}

/** The same body with another value at one place. */
export const withAt = (
  body: unknown,
  at: readonly (string | number)[],
  value: unknown,
): unknown => {
  const [first, ...rest] = at
  if (first === undefined) return value
  if (Array.isArray(body))
    return body.map((item, index) =>
      index === first ? withAt(item, rest, value) : (item as unknown),
    )
  const of = body as Readonly<Record<string, unknown>>
  return { ...of, [first]: withAt(of[first], rest, value) }
}
