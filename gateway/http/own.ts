import { Hono } from 'hono'
import type { Assertions } from './assertion.ts'
import type { Exchanger, HttpRequest } from './exchanger.ts'

/** The data plane's own paths: what is served here and never goes to an upstream. */
const ownPaths = ['/.well-known/jwks.json'] as const

type Serve = (exchanger: Exchanger, request: HttpRequest, path: string) => void

/** Finds who serves a canonical path that is ours; undefined when it is not. */
export type Own = (path: string) => Serve | undefined

/** Methods that `Request` takes; no path of ours serves any other. */
const known: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Only what these paths look at: neither host, query nor fields, so that nothing in them can hurt. */
const toRequest = ({ method }: HttpRequest, path: string): Request =>
  new Request(`http://sallyport${path}`, { method: known.has(method) ? method : 'OPTIONS' })

/** Answers with what a Hono app says. */
const respondWith = async (exchanger: Exchanger, method: string, response: Response) => {
  const body = Buffer.from(await response.arrayBuffer())
  response.headers.set('content-length', String(body.length))
  let lines = ''
  for (const [name, value] of response.headers) lines += `${name}: ${value}\r\n`
  if (exchanger.isGone()) return
  exchanger.respond({ status: response.status, lines, hasDate: false, framing: body.length }, false)
  exchanger.end(method === 'HEAD' ? '' : body)
}

/** The app that serves what is ours. */
const createApp = (assertions: Assertions | undefined, newId: () => string): Hono => {
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('x-sallyport-decision', newId())
  })
  app.get('/.well-known/jwks.json', (c) =>
    c.json(assertions?.jwks ?? { keys: [] }, 200, { 'cache-control': 'public, max-age=300' }),
  )
  return app
}

export const createOwn = (
  assertions: Assertions | undefined,
  newId: () => string,
  logFailure: (error: unknown) => void,
): Own => {
  const app = createApp(assertions, newId)
  const serve: Serve = (exchanger, request, path) => {
    const answer = async (): Promise<void> => {
      const response = await app.fetch(toRequest(request, path))
      await respondWith(exchanger, request.method, response)
    }
    answer().catch((error: unknown) => {
      logFailure(error)
      exchanger.abort()
    })
  }
  const paths: ReadonlySet<string> = new Set(ownPaths)
  return (path) => (paths.has(path) ? serve : undefined)
}
