import { STATUS_CODES, type ServerResponse } from 'node:http'
import { readingOf, type Reason } from '../../policies/reasons.ts'

/** A refusal as it goes over the wire (RFC 9457), with the envelope that API clients parse. */
export type Problem = {
  readonly status: number
  readonly fields: readonly (readonly [name: string, value: string])[]
  readonly body: string
}

const challenge = 'Basic realm="sallyport", charset="UTF-8"'

/** What all refusals of one reason share; only the id, and what it says to wait, differ. */
const urnOf = (title: string): string =>
  `urn:sallyport:${title === 'Invalid login details' ? 'unauthorized' : title.toLowerCase().replaceAll(' ', '-')}`

/** Renders a refusal from the table. `retryAfter` in seconds. Reasons without an HTTP reading: 500. */
export const renderProblem = (reason: Reason, id: string, retryAfter?: number): Problem => {
  const { http: status = 500, title, messageId } = readingOf(reason)
  const body = JSON.stringify({
    type: urnOf(title),
    title,
    status,
    instance: `urn:uuid:${id}`,
    requestError: { serviceException: { messageId, text: title } },
  })
  const fields: [string, string][] = [
    ['Content-Type', 'application/problem+json'],
    ['Content-Length', String(Buffer.byteLength(body))],
    ['Cache-Control', 'no-store'],
    ['x-sallyport-decision', id],
  ]
  if (status === 401) fields.push(['WWW-Authenticate', challenge])
  if (status === 405) fields.push(['Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'])
  if (retryAfter !== undefined) fields.push(['Retry-After', String(retryAfter)])
  return { status, fields, body }
}

/** Sends a problem through a response object; `close` ends the connection behind it. */
export const sendProblem = (
  outgoing: ServerResponse,
  { status, fields, body }: Problem,
  close: boolean,
): void => {
  if (outgoing.headersSent || outgoing.destroyed) return
  if (close) outgoing.shouldKeepAlive = false
  outgoing.writeHead(status, fields.flat())
  outgoing.end(body)
}

/** The same for a connection that has no response object: a request that did not parse. */
export const problemOctets = ({ status, fields, body }: Problem, now: number): string =>
  `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n` +
  fields.map(([name, value]) => `${name}: ${value}\r\n`).join('') +
  `Date: ${new Date(now).toUTCString()}\r\nConnection: close\r\n\r\n${body}`
