import { follow, type ApiDocument, type Schema } from './operations.ts'

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
const membersOf = ({ properties = {}, required = [] }: Schema): readonly string[] =>
  required.length > 0 ? required : Object.keys(properties).slice(0, 1)

/** A value that a schema of the document takes; `serial` makes names and addresses of one's own. */
export const sampleOf = (
  document: ApiDocument,
  written: Schema,
  serial: number,
  name = '',
): unknown => {
  const schema = follow(document, written)
  const [type] = [schema.type].flat()
  if (schema.enum !== undefined) return schema.enum[0]
  if (type === 'object')
    return Object.fromEntries(
      membersOf(schema).map((member) => {
        const of = schema.properties?.[member] ?? {}
        return [member, sampleOf(document, of, serial, member)]
      }),
    )
  if (type === 'array')
    return Array.from({ length: schema.minItems ?? 0 }, () =>
      sampleOf(document, schema.items ?? {}, serial),
    )
  if (type === 'string') return textOf(schema, name, serial)
  if (type === 'boolean') return true
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1
  throw new Error(`no sample of ${name}: ${JSON.stringify(schema)}`)
}
