import { createCache } from '../cache.ts'

/** RFC 9110 §5.1 and §5.5; no folding, no space before the colon, no bare CR or LF. */
export const fieldLines = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/

/** A length in octets that a number holds exactly (RFC 9110 §8.6). */
export const digits = /^\d{1,15}$/

/**
 * What becomes of a request's field by its name. `pass` goes on as it came; the others are read
 * by us and written anew, or go no further (RFC 9110 §7.6.1).
 */
export type FieldUse =
  | 'pass'
  | 'drop'
  | 'host'
  | 'authorization'
  | 'connection'
  | 'content-length'
  | 'forwarded-for'
  | 'transfer-encoding'
  | 'upgrade'
  | 'expect'

const dropped = [
  // Hop by hop.
  ...['keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization'],
  ...['te', 'trailer', 'http2-settings'],
  // CGI hands it to programs as their HTTP_PROXY (CVE-2016-5385).
  'proxy',
]

const uses: ReadonlyMap<string, FieldUse> = new Map<string, FieldUse>([
  ['host', 'host'],
  ['authorization', 'authorization'],
  ['connection', 'connection'],
  ['content-length', 'content-length'],
  ['transfer-encoding', 'transfer-encoding'],
  ['upgrade', 'upgrade'],
  ['expect', 'expect'],
  ['x-forwarded-for', 'forwarded-for'],
  ...dropped.map((name) => [name, 'drop'] as const),
])

/**
 * Words about the client, or about the request as it was before, that upstreams in the field take
 * from a proxy; only what we know of it goes on.
 */
const claims: ReadonlySet<string> = new Set([
  ...['forwarded', 'forwarded-for', 'x-real-ip', 'client-ip', 'x-client-ip', 'true-client-ip'],
  ...['x-cluster-client-ip', 'x-remote-ip', 'x-remote-addr', 'x-originating-ip', 'x-host'],
  ...['x-original-url', 'x-rewrite-url', 'proxy-client-ip', 'wl-proxy-client-ip'],
  ...['cf-connecting-ip', 'cf-connecting-ipv6', 'cf-pseudo-ipv4', 'fastly-client-ip'],
  ...['x-envoy-external-address', 'x-appengine-user-ip', 'x-azure-clientip', 'x-azure-socketip'],
])

/** `X-Forwarded-Host`, `-Proto`, `-User`, `-Client-Cert` and whatever else there is. */
const CLAIM_PREFIX = 'x-forwarded'

/** Our own fields, which no client may set. */
const OWN_PREFIX = 'x-sallyport-'

/**
 * Some upstreams read `X_Forwarded_For`, `X.Forwarded.For` or `X~Forwarded~For` as the same field:
 * CGI's names have letters, digits and underscores only.
 */
const readNameLikeCgi = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '-')

const useOfName = (name: string): FieldUse => {
  const alike = readNameLikeCgi(name)
  if (alike.startsWith(OWN_PREFIX)) return 'drop'
  const use = uses.get(alike)
  // A twin of a field that we act on is never taken for the field itself.
  if (use !== undefined) return alike === name.toLowerCase() ? use : 'drop'
  return alike.startsWith(CLAIM_PREFIX) || claims.has(alike) ? 'drop' : 'pass'
}

const MOST_NAMES = 4_000
const LONGEST_NAME = 64

/** The use of a field, by its name as it was sent. */
export type FieldUseOf = (name: string) => FieldUse

/** Remembers the names seen, up to a bound, so that the usual ones are looked up once. */
export const createFieldUses = (): FieldUseOf => {
  const known = createCache<string, FieldUse>(MOST_NAMES)
  return (name) => {
    const use = known.get(name)
    if (use !== undefined) return use
    const found = useOfName(name)
    if (name.length <= LONGEST_NAME) known.set(name, found)
    return found
  }
}

const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** Whether a response's field stays behind: hop by hop (RFC 9110 §7.6.1), or posing as ours. */
export const staysBehind = (lowerName: string): boolean =>
  hopByHop.has(lowerName) || lowerName.startsWith(OWN_PREFIX)

const isBlank = (code: number): boolean => code === 0x20 || code === 0x09

/** A value without the blanks around it (RFC 9110 §5.6.3); what else looks like one is part of it. */
export const trimBlanks = (text: string): string => {
  let from = 0
  let to = text.length
  while (from < to && isBlank(text.charCodeAt(from))) from += 1
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1
  return text.slice(from, to)
}

/** The names that a `Connection` field lists, in lower case (RFC 9110 §7.6.1). */
export const connectionOptions = (value: string): string[] =>
  value
    .toLowerCase()
    .split(',')
    .map(trimBlanks)
    .filter((option) => option !== '')
