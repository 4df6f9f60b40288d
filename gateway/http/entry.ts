import type { WireFault } from '../../policies/facts.ts'
import type { Address } from '../../policies/address.ts'
import type { Attempt, Credential } from '../../policies/ports.ts'
import { isProxyItself, type ClientAddress, type IsTrusted } from '../client-address.ts'
import type { HttpRequest } from './exchanger.ts'
import type { RequestHead } from './request-head.ts'
import type { MatchRoute, Route } from './routes.ts'
import { readTarget, type Target } from './target.ts'

/** A request as it stands at the door: read once, canonical, nothing decided. */
export type Entry = {
  readonly request: HttpRequest
  /** Undefined when the request is at fault. */
  readonly target: Target | undefined
  readonly route: Route | undefined
  readonly attempt: Attempt
  readonly forwardedFor: string
}

/** Whose request it is, for as long as the connection lasts. */
export type Caller = {
  readonly remote: Address | undefined
  /** It is the socket's own address, and no other that a PROXY header names. */
  readonly isPeer: boolean
  /** Reads a credential; the last one is remembered, since a client repeats itself. */
  readonly credentialOf: (lines: readonly string[]) => Credential
  /** What the last request was read as; one that repeats it to the octet is the same object. */
  last: Entry | undefined
}

export type EntryReader = {
  readonly clientAddress: ClientAddress
  readonly isTrusted: IsTrusted
  readonly matchRoute: MatchRoute
}

const withoutRoute = {} as const

/** The proxies' own words go on with the last of them appended; a stranger's words do not. */
const forwardedForOf = (
  { isTrusted }: EntryReader,
  { remote }: Caller,
  head: RequestHead,
): string => {
  if (remote === undefined) return ''
  if (head.forwardedFor.length === 0 || !isTrusted(remote)) return remote.text
  return `${head.forwardedFor.join(', ')}, ${remote.text}`
}

const read = (
  reader: EntryReader,
  request: HttpRequest,
  connection: Caller,
  fault?: WireFault,
): Entry => {
  const { method, head } = request
  const found = readTarget(method, request.target, head.host)
  const target = 'fault' in found ? undefined : found
  const route = target && reader.matchRoute(target.host, target.path)
  const broken =
    fault ??
    (head.malformed ? 'request-malformed' : undefined) ??
    ('fault' in found ? found.fault : undefined)
  return {
    request,
    target,
    route,
    attempt: {
      channel: 'http',
      client: reader.clientAddress(connection.remote, head.forwardedFor),
      isProxyItself:
        connection.isPeer && isProxyItself(reader.isTrusted, connection.remote, head.forwardedFor),
      credential: connection.credentialOf(head.authorization),
      fault: broken,
      route: route ?? (broken === undefined ? undefined : withoutRoute),
      target: target && `${method} ${target.path}`,
    },
    forwardedFor: forwardedForOf(reader, connection, head),
  }
}

/** Reads a request's fields, target, client and credential; `fault` is what was wrong before that. */
export const readEntry = (
  reader: EntryReader,
  request: HttpRequest,
  connection: Caller,
  fault?: WireFault,
): Entry => {
  if (connection.last?.request === request && fault === undefined) return connection.last
  const entry = read(reader, request, connection, fault)
  if (fault === undefined) connection.last = entry
  return entry
}
