import { parseAuthority } from './authority.ts'
import { parsePath } from './path.ts'

/** What a request is for, canonical: the policy decides on this and the upstream is sent this. */
export type Target = {
  readonly path: string
  /** With its `?`, as the client sent it; empty when there is none. */
  readonly query: string
  /** `host[:port]` of the Host field, in lower case. */
  readonly host: string
}

export type TargetFault = { readonly fault: 'request-malformed' | 'method-not-allowed' }

const malformed: TargetFault = Object.freeze({ fault: 'request-malformed' })
const notAllowed: TargetFault = Object.freeze({ fault: 'method-not-allowed' })

/** Printable ASCII without `#`: a fragment is never sent (RFC 9112 §3.2). */
const legalQuery = /^[!"$-~]*$/

const absolute = /^(https?):\/\/([^/?]*)(.*)$/i

const withoutDefaultPort = (scheme: string, authority: string): string => {
  const port = scheme.toLowerCase() === 'http' ? ':80' : ':443'
  return authority.endsWith(port) ? authority.slice(0, -port.length) : authority
}

/** The origin-form of an absolute-form target, if it names the same authority as Host does. */
const findOriginForm = (url: string, host: string): string | undefined => {
  const [, scheme = '', authority = '', rest = ''] = absolute.exec(url) ?? []
  const named = parseAuthority(authority)
  if (named === undefined) return undefined
  if (withoutDefaultPort(scheme, named) !== withoutDefaultPort(scheme, host)) return undefined
  return rest.startsWith('/') ? rest : `/${rest}`
}

/**
 * Reads method, request target and Host (RFC 9112 §3.2). TRACE and CONNECT are not allowed;
 * whatever has two readings is malformed: it is refused, not repaired.
 */
export const readTarget = (
  method: string,
  url: string,
  hostLines: readonly string[],
): Target | TargetFault => {
  if (method === 'TRACE' || method === 'CONNECT') return notAllowed
  const host = hostLines.length === 1 ? parseAuthority(hostLines[0] ?? '') : undefined
  if (host === undefined) return malformed
  if (url === '*') return method === 'OPTIONS' ? { path: '*', query: '', host } : malformed
  const origin = url.startsWith('/') ? url : findOriginForm(url, host)
  if (origin === undefined) return malformed
  const mark = origin.indexOf('?')
  const path = parsePath(mark < 0 ? origin : origin.slice(0, mark))
  if (path === undefined) return malformed
  const query = mark < 0 ? '' : origin.slice(mark)
  return legalQuery.test(query) ? { path, query, host } : malformed
}
