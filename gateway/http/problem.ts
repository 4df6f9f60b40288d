import { readingOf, type Reason } from '../../policies/reasons.ts'
import type { Head } from './response-writer.ts'

/** A refusal as it goes over the wire (RFC 9457), with the envelope that API clients parse. */
export type Problem = { readonly head: Head; readonly body: string }

const challenge = 'Basic realm="sallyport", charset="UTF-8"'
const allowed = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'

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
  const lines =
    'Content-Type: application/problem+json\r\n' +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    `Cache-Control: no-store\r\nx-sallyport-decision: ${id}\r\n` +
    (status === 401 ? `WWW-Authenticate: ${challenge}\r\n` : '') +
    (status === 405 ? `Allow: ${allowed}\r\n` : '') +
    (retryAfter === undefined ? '' : `Retry-After: ${retryAfter}\r\n`)
  return { head: { status, lines, hasDate: false, framing: body.length }, body }
}
