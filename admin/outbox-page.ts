import { Hono, type Context } from 'hono'
import { html } from 'hono/html'
import type { KeptMail, Outbox } from './mail/outbox.ts'

export type OutboxPageDeps = {
  readonly outbox: Pick<Outbox, 'list' | 'find'>
  /** Whether this machine itself asks, and by a name of its own. */
  readonly isLocal: (c: Context) => boolean
}

/** Mails hold links that let in: nothing of them runs here, and nothing leads out. */
const policy = [
  "default-src 'none'",
  "style-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const style = `body { font-family: sans-serif; line-height: 1.5; max-width: 60em; margin: 2em auto; padding: 0 1em }
table { border-collapse: collapse; width: 100% }
th, td { text-align: start; padding: .3em .8em .3em 0; border-bottom: 1px solid #ccc }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f4f4f4; padding: 1em }
`

type Content = ReturnType<typeof html>

const page = (title: string, content: Content): Content =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/outbox/style.css" />
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`

const timeOf = (at: number): string => new Date(at).toISOString().replace('T', ' ').slice(0, 19)

const listPage = (mails: readonly Omit<KeptMail, 'text' | 'html'>[]): Content =>
  page(
    'Outbox',
    mails.length === 0
      ? html`<p>No mail has been sent yet.</p>`
      : html`<table>
          <thead>
            <tr>
              <th>Time (UTC)</th>
              <th>To</th>
              <th>Subject</th>
            </tr>
          </thead>
          <tbody>
            ${mails.map(
              ({ id, at, to, subject, language }) =>
                html`<tr>
                  <td>${timeOf(at)}</td>
                  <td>${to}</td>
                  <td><a href="/outbox/${id}" lang="${language}">${subject}</a></td>
                </tr>`,
            )}
          </tbody>
        </table>`,
  )

/** A line that is a link can be followed; everything else is text. */
const lineOf = (line: string): readonly (Content | string)[] => [
  /^https?:\/\/\S+$/.test(line) ? html`<a href="${line}" rel="noreferrer">${line}</a>` : line,
  '\n',
]

const mailPage = ({ at, to, subject, language, text }: KeptMail): Content =>
  page(
    subject,
    html`<p>To ${to}, ${timeOf(at)} UTC</p>
      <pre lang="${language}" dir="auto">${text.split('\n').flatMap(lineOf)}</pre>
      <p><a href="/outbox">All mails</a></p>`,
  )

/** The mails that the sandbox kept instead of sending them, at `/outbox`, for whoever runs it. */
export const createOutboxPage = ({ outbox, isLocal }: OutboxPageDeps): Hono => {
  const app = new Hono()
  app.use('/outbox/*', async (c, next) => {
    if (!isLocal(c as Context)) return c.notFound()
    await next()
    c.header('content-security-policy', policy)
    c.header('x-content-type-options', 'nosniff')
    c.header('referrer-policy', 'no-referrer')
    c.header('cache-control', 'no-store')
    return undefined
  })
  app.get('/outbox', async (c) => c.html(listPage(await outbox.list())))
  app.get('/outbox/style.css', (c) => c.body(style, 200, { 'content-type': 'text/css' }))
  app.get('/outbox/:id', async (c) => {
    const mail = await outbox.find(c.req.param('id'))
    return mail === undefined ? c.notFound() : c.html(mailPage(mail))
  })
  return app
}
