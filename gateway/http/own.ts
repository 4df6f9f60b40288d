import type { RequestListener } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import type { Assertions } from './assertion.ts'

/** The data plane's own paths: what is served here and never goes to an upstream. */
export const ownPaths = ['/.well-known/jwks.json'] as const

/** Serves what is ours on the data plane, by canonical path; undefined when the path is not ours. */
export type Own = (path: string) => RequestListener | undefined

export const createOwn = (assertions: Assertions | undefined, newId: () => string): Own => {
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('x-sallyport-decision', newId())
  })
  app.get('/.well-known/jwks.json', (c) =>
    c.json(assertions?.jwks ?? { keys: [] }, 200, { 'cache-control': 'public, max-age=300' }),
  )
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false })
  const serve: RequestListener = (incoming, outgoing) => void listener(incoming, outgoing)
  const paths: ReadonlySet<string> = new Set(ownPaths)
  return (path) => (paths.has(path) ? serve : undefined)
}
