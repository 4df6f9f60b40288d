import { isLoopback, parseEndpoint, type Endpoint } from './endpoint.ts'
import { parsePath } from './http/path.ts'
import type { UpstreamUrl } from './http/routes.ts'

/** An SMSC; with `credentials` every bind is mapped to them, without them the client's go through. */
export type SmppUpstream = Endpoint & {
  readonly tls: boolean
  readonly credentials?: { readonly systemId: string; readonly password: string }
}

/** Where short messages or calls of our own go: an SMSC, or a web API by JSON POST. */
export type MessageUrl =
  | { readonly kind: 'smpp'; readonly upstream: SmppUpstream; readonly source?: string }
  | { readonly kind: 'https'; readonly url: string }

const parseUrl = (text: string, protocols: readonly string[]): URL | undefined => {
  if (!/^[!-~]*$/.test(text)) return undefined
  const url = URL.parse(text)
  return url !== null && protocols.includes(url.protocol) && url.hostname !== '' ? url : undefined
}

const hasCredentials = ({ username, password }: URL): boolean => username + password !== ''

/** Whether a URL has one of these protocols and a host; what else it carries is its reader's. */
export const isUrlOf = (text: string, ...protocols: readonly string[]): boolean =>
  parseUrl(text, protocols) !== undefined

/** `http://host[:port][/base]` or https, without credentials, query or fragment. */
export const parseHttpUpstream = (text: string): UpstreamUrl | undefined => {
  const url = parseUrl(text, ['http:', 'https:'])
  if (url === undefined || hasCredentials(url) || /[?#]/.test(text)) return undefined
  const path = parsePath(url.pathname)
  return path === undefined ? undefined : { origin: url.origin, basePath: path.replace(/\/$/, '') }
}

/** An octet string of SMPP as we send it: printable ASCII, at most 64 octets. */
const parseOctets = (encoded: string): string | undefined => {
  try {
    const text = decodeURIComponent(encoded)
    return /^[ -~]{0,64}$/.test(text) ? text : undefined
  } catch {
    return undefined
  }
}

const smppOf = (url: URL): SmppUpstream | undefined => {
  const endpoint = parseEndpoint(`${url.hostname}:${url.port}`)
  if (endpoint === undefined || endpoint.port === 0 || !/^\/?$/.test(url.pathname)) return undefined
  const upstream = { ...endpoint, tls: url.protocol === 'smpps:' }
  if (!hasCredentials(url)) return upstream
  const systemId = parseOctets(url.username)
  const password = parseOctets(url.password)
  if (systemId === undefined || systemId === '' || password === undefined) return undefined
  return { ...upstream, credentials: { systemId, password } }
}

/** `smpp://[user:password@]host:port` or smpps. */
export const parseSmppUpstream = (text: string): SmppUpstream | undefined => {
  const url = parseUrl(text, ['smpp:', 'smpps:'])
  return url === undefined || /[?#]/.test(text) ? undefined : smppOf(url)
}

/** `https://…`; plain http only to this very machine. */
export const parseVoiceUrl = (text: string): MessageUrl | undefined => {
  const url = parseUrl(text, ['https:', 'http:'])
  if (url === undefined || hasCredentials(url) || url.hash !== '') return undefined
  const isPrivate = url.protocol === 'https:' || isLoopback(url.hostname.replace(/^\[|\]$/g, ''))
  return isPrivate ? { kind: 'https', url: url.href } : undefined
}

/** What a voice URL may be, or `smpp://user:password@host:port[?source=…]`. */
export const parseSmsUrl = (text: string): MessageUrl | undefined => {
  const url = parseUrl(text, ['smpp:', 'smpps:'])
  if (url === undefined) return parseVoiceUrl(text)
  const upstream = smppOf(url)
  const source = url.searchParams.get('source')
  const known = Array.from(url.searchParams.keys()).every((key) => key === 'source')
  if (upstream?.credentials === undefined || !known || url.hash !== '') return undefined
  if (source === null) return { kind: 'smpp', upstream }
  return /^[ -~]{1,20}$/.test(source) ? { kind: 'smpp', upstream, source } : undefined
}

/** The base of links: http or https, without credentials, query, fragment or a slash at its end. */
export const parsePublicUrl = (text: string): string | undefined => {
  const upstream = parseHttpUpstream(text)
  return upstream === undefined ? undefined : upstream.origin + upstream.basePath
}
