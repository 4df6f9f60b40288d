import { createRoute, z } from '@hono/zod-openapi'
import { problems, type ProblemName } from './problems.ts'

/** The chapters of the document, in their order. */
export const tags = [
  { name: 'Me', description: 'The caller.' },
  { name: 'Users', description: 'Profiles, states, roles and what follows from them.' },
  { name: 'Roles', description: 'What users may do, as switches.' },
  { name: 'API keys', description: 'What machines come with; secrets are shown once.' },
  { name: 'Sessions', description: 'What is open, and ending it.' },
  { name: 'Audit', description: 'What happened, and why it was decided so.' },
  { name: 'Invites', description: 'People who are to become users.' },
  { name: 'Account', description: 'The settings of the own account.' },
  { name: 'Platform', description: 'Accounts and nodes; the platform operator.' },
] as const

export type Tag = (typeof tags)[number]['name']

/** What a route is, for the document and for the door at once. */
export type Spec<
  Path extends string,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> = {
  readonly operationId: string
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** Under `/api/v1`, as OpenAPI writes it: `/users/{id}`. */
  readonly path: Path
  readonly tag: Tag
  readonly summary: string
  readonly description?: string
  /** Undefined: whoever is signed in. */
  readonly permission: string | undefined
  /** Refused while the nodes cannot be sure to hear of it at once (roles, safelists, second factors). */
  readonly needsAllNodes?: true
  readonly query?: Query
  readonly body?: Body
  /** The body may hold the longest safelist. */
  readonly takesLong?: true
  /** What a success answers; without it: 204, and no content. */
  readonly answer?: Answer
  /** In place of an answer: what the act's own Response is of. */
  readonly streams?: 'text/csv'
  readonly status?: 200 | 201
  /** Refusals beyond those that every route has. */
  readonly refusals?: readonly RouteProblem[]
}

/** What a route can refuse; the other methods of its path are no matter of its own. */
export type RouteProblem = Exclude<ProblemName, 'method-not-allowed'>

type Names<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never

/** The parameters in a path. */
export type Params<Path extends string> = Readonly<Record<Names<Path>, string>>

const faults = z.array(z.object({ path: z.string(), message: z.string() }))

/** A refusal (RFC 9457), with the envelope that API clients of such platforms parse. */
export const problem = z
  .object({
    type: z.string().openapi({ example: 'urn:sallyport:not-found' }),
    title: z.string(),
    status: z.int(),
    instance: z
      .string()
      .openapi({ description: 'The decision, as `GET /decisions/{id}` takes it' }),
    requestError: z.object({
      serviceException: z.object({ messageId: z.string(), text: z.string() }),
    }),
    errors: faults.optional().openapi({ description: 'All faults of the input (422)' }),
    clientAddress: z.string().optional(),
  })
  .openapi('Problem')

/** The shared answers of the document, by status. */
export const errorResponses = {
  400: 'The request cannot be read',
  401: 'Who calls is not let in; one answer for all reasons, which the audit knows',
  403: 'A permission is missing, or the change reaches beyond the rights of who calls',
  404: 'There is none in this account',
  409: 'It conflicts with what there is; the type says with what',
  412: 'It was changed meanwhile (If-Match)',
  413: 'The body is too large',
  415: 'The body is not application/json',
  422: 'Some fields are at fault; all of them are named',
  429: 'The source has used up its budget of refusals',
  500: 'A fault of ours',
  503: 'For the moment nothing can be decided, or nothing can be written',
} as const

type ErrorStatus = keyof typeof errorResponses

const statusesOf = (spec: Spec<string, z.ZodObject, z.ZodType, z.ZodType>): Set<ErrorStatus> => {
  const { path, method, query, body, permission, refusals = [] } = spec
  const statuses = new Set<ErrorStatus>([400, 401, 429, 500, 503])
  if (permission !== undefined) statuses.add(403)
  if (path.includes('{')) statuses.add(404)
  if (query !== undefined || body !== undefined) statuses.add(422)
  if (body !== undefined) statuses.add(413).add(415)
  if (method === 'patch') statuses.add(412)
  for (const name of refusals) statuses.add(problems[name].status)
  return statuses
}

/** Whose id it is: of what stands before it in the path. */
const idIn = (name: string, path: string): z.ZodType =>
  z.string().openapi({ description: `An id of \`${path.slice(0, path.indexOf(`/{${name}}`))}\`` })

const paramsOf = (path: string): z.ZodObject | undefined => {
  const names = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name ?? '')
  return names.length === 0
    ? undefined
    : z.object(Object.fromEntries(names.map((name) => [name, idIn(name, path)])))
}

const ifMatch = z.object({
  'if-match': z
    .string()
    .optional()
    .openapi({ description: 'The ETag that the change is meant for' }),
})

const successOf = ({
  answer,
  streams,
  status = 200,
}: Spec<string, z.ZodObject, z.ZodType, z.ZodType>) => {
  if (streams !== undefined)
    return { 200: { description: 'A download', content: { [streams]: { schema: z.string() } } } }
  return answer === undefined
    ? { 204: { description: 'Done' } }
    : { [status]: { description: 'Done', content: { 'application/json': { schema: answer } } } }
}

/** The route as `@hono/zod-openapi` registers it: validation and document from one source. */
export const describeRoute = (spec: Spec<string, z.ZodObject, z.ZodType, z.ZodType>) => {
  const { operationId, method, path, tag, summary, description, permission, query, body } = spec
  const params = paramsOf(path)
  const errors: Record<string, { $ref: string }> = {}
  for (const status of statusesOf(spec))
    errors[status] = { $ref: `#/components/responses/${status}` }
  return createRoute({
    operationId,
    method,
    path,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    'x-permission': permission ?? null,
    request: {
      ...(params && { params }),
      ...(query && { query }),
      ...(method !== 'get' && { headers: ifMatch }),
      ...(body && { body: { content: { 'application/json': { schema: body } }, required: true } }),
    },
    responses: { ...successOf(spec), ...errors },
  })
}
