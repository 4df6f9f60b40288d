import { OpenAPIHono } from '@hono/zod-openapi'
import { Hono, type Context, type MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { isOutage } from '../db/outages.ts'
import { createFingerprints } from '../db/secrets.ts'
import { problemResponse } from '../policies/problem.ts'
import { createAccountRoutes } from './api/account.ts'
import { createAccountsRoutes } from './api/accounts.ts'
import { createApiAccessRoutes } from './api/api-access.ts'
import { createApiKeyRoutes } from './api/api-keys.ts'
import { createDecisionRoutes } from './api/decisions.ts'
import { createDeletionRoutes } from './api/deletion-requests.ts'
import { createDeviceRoutes } from './api/devices.ts'
import { createEventRoutes } from './api/events.ts'
import { createInviteRoutes } from './api/invites.ts'
import { createMeRoutes } from './api/me.ts'
import { createNodeRoutes } from './api/nodes.ts'
import { createPasswordRoutes } from './api/passwords.ts'
import { createPermissionRoutes } from './api/permissions.ts'
import { createRoleRoutes } from './api/roles.ts'
import { createSafelistRoutes } from './api/safelists.ts'
import { createTwoFactorRoutes } from './api/two-factor.ts'
import { createSessionRoutes } from './api/sessions.ts'
import { createSourceRoutes } from './api/sources.ts'
import { createUserRoleRoutes } from './api/user-roles.ts'
import { createUserStateRoutes } from './api/user-states.ts'
import { createUsersCsvRoutes } from './api/users-csv.ts'
import { createUserRoutes } from './api/users.ts'
import type { AdminEnv } from './caller.ts'
import type { AdminDeps, ApiDeps } from './deps.ts'
import { createDocs } from './docs.ts'
import { addSharedParts, createDocument } from './document.ts'
import { createEnter } from './door.ts'
import { createKnownRoutes, type KnownRoutes } from './known-routes.ts'
import { renderRefused } from './problems.ts'

/** Each makes the routes of one resource; a new resource is a line here. */
const resources = [
  createMeRoutes,
  createUsersCsvRoutes,
  createUserRoutes,
  createUserStateRoutes,
  createUserRoleRoutes,
  createSafelistRoutes,
  createApiAccessRoutes,
  createTwoFactorRoutes,
  createDeviceRoutes,
  createPasswordRoutes,
  createDeletionRoutes,
  createRoleRoutes,
  createPermissionRoutes,
  createApiKeyRoutes,
  createInviteRoutes,
  createAccountRoutes,
  createAccountsRoutes,
  createNodeRoutes,
  createEventRoutes,
  createDecisionRoutes,
  createSessionRoutes,
  createSourceRoutes,
] as const

const apiDepsOf = (deps: AdminDeps, { find }: KnownRoutes): ApiDeps => {
  const fingerprints = createFingerprints(deps.database.key)
  return {
    ...deps,
    findRoute: find,
    enter: createEnter({ ...deps, now: deps.database.now }),
    bucketsOf: (userId) => deps.attempts.state(fingerprints.userKey({ userId })),
  }
}

const createApi = (deps: ApiDeps): OpenAPIHono<AdminEnv> => {
  const api = new OpenAPIHono<AdminEnv>()
  addSharedParts(api)
  for (const createResource of resources) api.route('/', createResource(deps))
  return api
}

/**
 * A failure: logged under an id, its message never leaving the process. While the database is busy,
 * full, read-only or lost the same may be tried again (I4).
 */
const createFail =
  ({ database, log }: AdminDeps) =>
  (error: Error, c: Context<AdminEnv>): Response => {
    const caller = c.get('caller') as AdminEnv['Variables']['caller'] | undefined
    const id = caller?.decisionId ?? database.newId()
    const isMalformed = error instanceof HTTPException && error.status < 500
    if (!isMalformed) log.error({ err: error, decision: id }, 'a call of the admin API failed')
    const failed = isOutage(database, error) ? 'unavailable' : 'internal'
    const reason = isMalformed ? 'request-malformed' : failed
    return problemResponse(reason, id, { now: database.now() })
  }

/** What is no route is decided too, so that strangers learn nothing of what there is. */
const createNoRoute =
  ({ enter }: ApiDeps, { methodsOf }: KnownRoutes): MiddlewareHandler<AdminEnv> =>
  (c, next) => {
    const allow = methodsOf(c.req.path)
    if (allow.length === 0) return enter(undefined)(c, next)
    return enter({})(c, async () => {
      c.res = renderRefused({ refused: 'method-not-allowed' }, c.var.caller.decisionId)
      c.header('allow', allow.join(', '))
      return Promise.resolve()
    })
  }

/**
 * The administration point as an app that any Hono app can mount (`host.route('/', createAdmin(…))`):
 * the API under `/api/v1`, its OpenAPI document at `/api/v1/openapi.json`, a page to try it at
 * `/api/docs`.
 *
 * How a resource is made; `api/users.ts` and `api/user-states.ts` show all of it:
 *
 * 1. Schemas in zod (`fields.ts` has the usual fields, `paging.ts` those of lists): bodies and
 *    queries are strict objects, answers are objects with a name (`.openapi('User')`).
 * 2. `const { app, add } = createRoutes(deps.enter)`, then `add(spec, act)` for each route. The spec
 *    (`description.ts`) says path, permission, body, answer and refusals once, for the door, the
 *    validation and the document. New chapters go into `tags` there.
 * 3. The act gets `{ caller, params, query, body, ifMatch }` and answers `{ body, version? }` (the
 *    version becomes the ETag), `{ refused }` with a name of `problems.ts`, `{ faults }`, nothing
 *    (204), or a Response of its own (streams, of a route that says `streams`).
 * 4. Every change is one `transact` that first asks the guard (`guard.ts`): `findTouchable` for a
 *    user (account, rights, If-Match), `mayGrant` for permissions that are handed out; then calls a
 *    function of `db/` that writes the row, the news and the audit with `caller.actor`.
 * 5. A line in `resources` above, and a test that uses `test/support/admin.ts`.
 */
export const createAdmin = (deps: AdminDeps): Hono<AdminEnv> => {
  const known = createKnownRoutes(() => api)
  const apiDeps = apiDepsOf(deps, known)
  const api = createApi(apiDeps)
  const app = new Hono<AdminEnv>()
  const fail = createFail(deps)
  api.onError(fail)
  app.onError(fail)
  const documentAt = createDocument(api)
  app.get('/api/v1/openapi.json', (c) => c.json(documentAt(c.req.path)))
  app.route('/api', createDocs())
  app.route('/api/v1', api)
  app.all('/api/v1/*', createNoRoute(apiDeps, known))
  return app
}
