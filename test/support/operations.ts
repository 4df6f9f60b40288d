/** A schema of JSON, as far as tests read it. */
export type Schema = {
  readonly $ref?: string
  readonly allOf?: readonly Schema[]
  readonly type?: string | readonly string[]
  readonly format?: string
  readonly pattern?: string
  readonly enum?: readonly unknown[]
  readonly example?: unknown
  readonly default?: unknown
  readonly minimum?: number
  readonly minLength?: number
  readonly minItems?: number
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean
}

type Described = {
  readonly operationId: string
  readonly 'x-permission': string | null
  readonly parameters?: readonly { readonly in: string; readonly name: string }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
}

/** An operation of the OpenAPI document. */
export type Operation = Described & {
  readonly method: string
  readonly path: string
  /** Of the body that it takes, references followed. */
  readonly body: Schema | undefined
}

export type ApiDocument = {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Described>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** The document as the admin listener serves it. */
export const fetchDocument = async (adminUrl: string): Promise<ApiDocument> =>
  (await (await fetch(`${adminUrl}/api/v1/openapi.json`)).json()) as ApiDocument

/** Follows a reference to a schema, one that leads nowhere is a fault. */
export const follow = ({ components }: ApiDocument, schema: Schema): Schema => {
  if (schema.$ref === undefined) return schema
  const found = components.schemas[schema.$ref.replace('#/components/schemas/', '')]
  if (found === undefined) throw new Error(`${schema.$ref} leads nowhere`)
  return follow({ components } as ApiDocument, found)
}

/** All operations, in the order of their paths. */
export const operationsOf = (document: ApiDocument): readonly Operation[] =>
  Object.entries(document.paths)
    .flatMap(([path, item]) =>
      Object.entries(item).map(([method, described]) => {
        const written = described.requestBody?.content['application/json']?.schema
        const body = written && follow(document, written)
        return { ...described, method: method.toUpperCase(), path, body }
      }),
    )
    .toSorted((one, other) => (one.path < other.path ? -1 : one.path > other.path ? 1 : 0))

/** `GET /users/{id}` */
export const nameOf = ({ method, path }: Operation): string => `${method} ${path}`
