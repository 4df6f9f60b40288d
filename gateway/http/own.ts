import { Hono } from 'hono'
import type { Assertions } from './assertion.ts'
import type { Exchanger, HttpRequest } from './exchanger.ts'

/** The data plane's own paths: what is served here and never goes to an upstream. */
const ownPaths = ['/.well-known/jwks.json'] as const

type Serve = (exchanger: Exchanger, request: HttpRequest, path: string) => void

/** Who serves a canonical path that is ours, by that method; undefined when the path is not ours. */
export type Own = (method: string, path: string) => Serve | 'method-not-allowed' | undefined

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD'])

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
      // Neither host, query nor fields are looked at, so that nothing in them can hurt.
      const response = await app.fetch(new Request(`http://sallyport${path}`))
      await respondWith(exchanger, request.method, response)
    }
    answer().catch((error: unknown) => {
      logFailure(error)
      exchanger.abort()
    })
  }
  const paths: ReadonlySet<string> = new Set(ownPaths)
  return (method, path) => {
    if (!paths.has(path)) return undefined
    return methods.has(method) ? serve : 'method-not-allowed'
  }
}
