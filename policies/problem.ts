import { readingOf, type MessageId, type Reason } from './reasons.ts'

/** A refusal as it goes over the wire (RFC 9457), with the envelope that API clients parse. */
export type Problem = {
  readonly status: number
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

/** When the same request may be made again; both in ms since the epoch. */
export type Waiting = { readonly retryAt?: number | undefined; readonly now: number }

const challenge = 'Basic realm="sallyport", charset="UTF-8"'
const allowed = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

/** In whole seconds, never none (RFC 9110 §10.2.3). */
const secondsUntil = ({ retryAt = 0, now }: Waiting): number =>
  Math.max(1, Math.ceil((retryAt - now) / 1_000))

/** The members of every problem of ours, in the order in which they are written. */
export const problemOf = (
  {
    status,
    type,
    title,
    messageId,
  }: {
    readonly status: number
    readonly type: string
    readonly title: string
    readonly messageId: MessageId
  },
  id: string,
) => ({
  type: `urn:sallyport:${type}`,
  title,
  status,
  instance: `urn:uuid:${id}`,
  requestError: { serviceException: { messageId, text: title } },
})

/** Renders a refusal from the table. Reasons without an HTTP reading: 500. */
export const renderProblem = (reason: Reason, id: string, waiting: Waiting): Problem => {
  const { http: status = 500, type, title, messageId } = readingOf(reason)
  const body = JSON.stringify(problemOf({ status, type, title, messageId }, id))
  const fields: (readonly [string, string])[] = [
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Cache-Control', 'no-store'],
    ['x-sallyport-decision', id],
  ]
  if (status === 401) fields.push(['WWW-Authenticate', challenge])
  if (status === 405) fields.push(['Allow', allowed])
  if (status === 429 || status === 503) fields.push(['Retry-After', String(secondsUntil(waiting))])
  return { status, fields, body }
}

/** The same as a response, for doors that answer with one. */
export const problemResponse = (reason: Reason, id: string, waiting: Waiting): Response => {
  const { status, fields, body } = renderProblem(reason, id, waiting)
  const headers = new Headers()
  for (const [name, value] of fields) headers.append(name, value)
  return new Response(body, { status, headers })
}
