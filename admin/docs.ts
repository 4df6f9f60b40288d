import { Hono } from 'hono'
import { html } from 'hono/html'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

/** Everything is ours, scripts are files; styles may stand in the page, as Swagger UI writes them. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Addresses are relative to the page, wherever the app is mounted; no validator is asked anything. */
const script = `SwaggerUIBundle({
  url: 'v1/openapi.json',
  dom_id: '#page',
  deepLinking: true,
  validatorUrl: null,
  docExpansion: 'list',
})
`

const page = html`<!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <title>Sallyport admin API</title>
      <link rel="icon" href="data:," />
      <link rel="stylesheet" href="docs/swagger-ui.css" />
    </head>
    <body>
      <main id="page"></main>
      <script src="docs/swagger-ui-bundle.js"></script>
      <script src="docs/start.js"></script>
    </body>
  </html>`

const files = [
  { name: 'swagger-ui-bundle.js', type: 'text/javascript; charset=utf-8' },
  { name: 'swagger-ui.css', type: 'text/css; charset=utf-8' },
] as const

/** Read when first asked for, and kept. */
const createRead = (name: string): (() => Promise<Uint8Array<ArrayBuffer>>) => {
  let content: Promise<Uint8Array<ArrayBuffer>> | undefined
  return () =>
    (content ??= readFile(fileURLToPath(import.meta.resolve(`swagger-ui-dist/${name}`))).then(
      (octets) => new Uint8Array(octets),
    ))
}

/** The page to read and try the API, at `/docs`; it asks for the document beside it. */
export const createDocs = (): Hono => {
  const app = new Hono()
  app.use('/docs/*', async (c, next) => {
    await next()
    c.header('content-security-policy', policy)
    c.header('x-content-type-options', 'nosniff')
    c.header('referrer-policy', 'no-referrer')
  })
  app.get('/docs', (c) => c.html(page))
  app.get('/docs/start.js', (c) => c.body(script, 200, { 'content-type': 'text/javascript' }))
  for (const { name, type } of files) {
    const read = createRead(name)
    app.get(`/docs/${name}`, async (c) =>
      c.body(await read(), 200, { 'content-type': type, 'cache-control': 'max-age=3600' }),
    )
  }
  return app
}
