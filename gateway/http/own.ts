import { Hono } from 'hono'
import type { Assertions } from './assertion.ts'
import type { Exchanger, HttpRequest } from './exchanger.ts'
import type { Target } from './target.ts'

/** The data plane's own paths: what is served here and never goes to an upstream. */
export const ownPaths = ['/.well-known/jwks.json'] as const

type Serve = (exchanger: Exchanger, request: HttpRequest, target: Target) => void

/** Finds who serves a canonical path that is ours; undefined when it is not. */
export type Own = (path: string) => Serve | undefined

const toRequest = ({ method, fields }: HttpRequest, { host, path, query }: Target): Request => {
  const headers = new Headers()
  for (let i = 0; i < fields.length; i += 2) headers.append(fields[i] ?? '', fields[i + 1] ?? '')
  return new Request(`http://${host}${path}${query}`, { method, headers })
}

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
  const serve: Serve = (exchanger, request, target) => {
    const answer = async (): Promise<void> => {
      const response = await app.fetch(toRequest(request, target))
      await respondWith(exchanger, request.method, response)
    }
    answer().catch((error: unknown) => {
      logFailure(error)
      exchanger.destroy()
    })
  }
  const paths: ReadonlySet<string> = new Set(ownPaths)
  return (path) => (paths.has(path) ? serve : undefined)
}
