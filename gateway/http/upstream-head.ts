import type { User } from '../../policies/facts.ts'
import type { HttpRequest } from './exchanger.ts'
import type { RequestHead } from './request-head.ts'
import type { Target } from './target.ts'

/** What the upstream is told of a permitted request, beside the client's own fields. */
export type Introduction = {
  readonly request: HttpRequest
  readonly target: Target
  readonly user: User
  readonly decisionId: string
  /** The value of `X-Forwarded-For`: the client address, or the trusted chain and the remote one. */
  readonly forwardedFor: string
  readonly proto: 'http' | 'https'
  readonly forwardAuthorization: boolean
  readonly assertion: string | undefined
}

const identityOf = ({ username, accountId }: User): string =>
  `x-sallyport-user: ${username}\r\nx-sallyport-account: ${accountId}\r\n`

/** A request of a method that has a body says so also when it is empty (RFC 9110 §8.6). */
const framingOf = ({ length, chunked }: RequestHead, method: string): string => {
  if (chunked) return 'Transfer-Encoding: chunked\r\n'
  return length > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH'
    ? `Content-Length: ${length}\r\n`
    : ''
}

/** The request head for the upstream: what the policy saw, who it is, and the client's own fields. */
export const upstreamHead = (path: string, intro: Introduction): string => {
  const { target, user } = intro
  const { method, head } = intro.request
  const authorization = intro.forwardAuthorization ? head.authorization[0] : undefined
  return (
    `${method} ${path}${target.query} HTTP/1.1\r\nHost: ${target.host}\r\n${head.lines}` +
    `x-forwarded-for: ${intro.forwardedFor}\r\nx-forwarded-proto: ${intro.proto}\r\n` +
    `x-forwarded-host: ${target.host}\r\n${identityOf(user)}` +
    `x-sallyport-decision: ${intro.decisionId}\r\n` +
    (intro.assertion === undefined ? '' : `x-sallyport-assertion: ${intro.assertion}\r\n`) +
    (authorization === undefined ? '' : `Authorization: ${authorization}\r\n`) +
    (head.upgrade ? 'Connection: Upgrade\r\nUpgrade: websocket\r\n' : framingOf(head, method)) +
    '\r\n'
  )
}
