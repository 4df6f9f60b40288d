/** The peer Hono's `proxy()` on @hono/node-server, to the upstream that is named first. */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { proxy } from 'hono/proxy'

const upstream = process.argv[2] ?? ''

const app = new Hono()
app.all('*', ({ req }) => {
  const { pathname, search } = new URL(req.url)
  return proxy(`${upstream}${pathname}${search}`, { raw: req.raw })
})
serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
  console.log(`http://127.0.0.1:${port}`)
})
