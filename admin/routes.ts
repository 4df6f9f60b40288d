import { OpenAPIHono, type z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Fault } from '../policies/faults.ts'
import type { Reason } from '../policies/reasons.ts'
import { createReadBody } from './body.ts'
import type { AdminEnv, Caller } from './caller.ts'
import { describeRoute, type Params, type Spec } from './description.ts'
import type { Enter } from './door.ts'
import { etagOf } from './etag.ts'
import { renderRefused, type Faulty, type ProblemName, type Refused } from './problems.ts'

/** One call, let in and read: everything that a route's act needs of it. */
export type Call<Path extends string, Query, Body> = {
  readonly caller: Caller
  readonly params: Params<Path>
  readonly query: Query
  readonly body: Body
  readonly ifMatch: string | undefined
  /** For what streams by itself. */
  readonly c: Context<AdminEnv>
}

/** A success: its body, and the version of the row that it shows. */
export type Done<Body> = { readonly body: Body; readonly version?: number }

/** What an act answers; refusals and faults of `db/` pass as they are. */
export type Reply<Body> = Done<Body> | Refused | Faulty | Response | undefined

export type Act<
  Path extends string,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> = (call: Call<Path, z.output<Query>, z.output<Body>>) => Promise<Reply<z.input<Answer>>>

type AnySpec = Spec<string, z.ZodObject, z.ZodType, z.ZodType>

/** The routes of one resource. */
export type Routes = {
  readonly app: OpenAPIHono<AdminEnv>
  /** Adds a route: documented, entered through the door, its input read, its reply rendered. */
  readonly add: <
    Path extends string,
    Query extends z.ZodObject,
    Body extends z.ZodType,
    Answer extends z.ZodType,
  >(
    spec: Spec<Path, Query, Body, Answer>,
    act: Act<Path, Query, Body, Answer>,
  ) => void
}

/** An issue of zod as faults: one for each name that is not known. */
const faultsOf = (issue: z.core.$ZodIssue): Fault[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({ path: [...issue.path, key].join('.'), message: 'is not known' }))
    : [{ path: issue.path.join('.'), message: issue.message }]

/** What is refused for want of rights is audited as the refusals of the decision are. */
const audited: Partial<Record<ProblemName, Reason>> = {
  'beyond-own-rights': 'beyond-own-rights',
  forbidden: 'permission-missing',
}

const idOf = (reply: Reply<unknown>, { caller, recordRefusal }: AdminEnv['Variables']): string => {
  const reason = reply !== undefined && 'refused' in reply ? audited[reply.refused] : undefined
  return reason === undefined ? caller.decisionId : recordRefusal(reason)
}

const render = (spec: AnySpec, reply: Reply<unknown>, decisionId: string): Response => {
  if (reply instanceof Response) return reply
  if (reply === undefined) return new Response(null, { status: 204 })
  if ('refused' in reply) return renderRefused(reply, decisionId)
  if ('faults' in reply) return renderRefused({ refused: 'invalid' }, decisionId, reply.faults)
  if (spec.answer === undefined) throw new Error(`${spec.operationId} answers nothing`)
  const headers = new Headers({ 'content-type': 'application/json', 'cache-control': 'no-store' })
  if (reply.version !== undefined) headers.set('etag', etagOf(reply.version))
  // What the document does not name never leaves, whatever an act hands over.
  const body = JSON.stringify(spec.answer.parse(reply.body))
  return new Response(body, { status: spec.status ?? 200, headers })
}

/** What no database can be asked for is nobody's id. */
const isNoId = (param: string): boolean => /\p{Cc}/u.test(param)

/** Begins the routes of one resource. */
export const createRoutes = (enter: Enter): Routes => {
  const app = new OpenAPIHono<AdminEnv>({
    defaultHook: (result, c) =>
      result.success
        ? undefined
        : renderRefused(
            { refused: 'invalid' },
            c.var.caller.decisionId,
            result.error.issues.flatMap(faultsOf),
          ),
  })
  return {
    app,
    add: (spec, act) => {
      const { permission, needsAllNodes, body, takesLong: isLong } = spec
      const middleware = [
        enter({ permission, needsAllNodes }),
        ...(body === undefined ? [] : [createReadBody({ isLong })]),
      ]
      app.openapi({ ...describeRoute(spec as unknown as AnySpec), middleware }, async (c) => {
        const params: Readonly<Record<string, string>> = c.req.param()
        if (Object.values(params).some(isNoId))
          return renderRefused({ refused: 'not-found' }, c.var.caller.decisionId)
        const valid = (target: 'query' | 'json') => c.req.valid(target as never)
        const reply = await act({
          caller: c.var.caller,
          params: params,
          query: valid('query'),
          body: valid('json'),
          ifMatch: c.req.header('if-match'),
          c,
        })
        return render(spec, reply, idOf(reply, c.var))
      })
    },
  }
}
