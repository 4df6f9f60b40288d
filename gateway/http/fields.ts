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

const uses: Readonly<Record<string, FieldUse>> = {
  host: 'host',
  authorization: 'authorization',
  connection: 'connection',
  'content-length': 'content-length',
  'transfer-encoding': 'transfer-encoding',
  upgrade: 'upgrade',
  expect: 'expect',
  'x-forwarded-for': 'forwarded-for',
  // Hop by hop.
  'keep-alive': 'drop',
  'proxy-connection': 'drop',
  'proxy-authenticate': 'drop',
  'proxy-authorization': 'drop',
  te: 'drop',
  trailer: 'drop',
  'http2-settings': 'drop',
  // Claims about the client that only a trusted proxy could make, and that we write ourselves.
  forwarded: 'drop',
  'x-forwarded-host': 'drop',
  'x-forwarded-port': 'drop',
  'x-forwarded-prefix': 'drop',
  'x-forwarded-proto': 'drop',
  'x-forwarded-server': 'drop',
  'x-forwarded-ssl': 'drop',
  'x-forwarded-scheme': 'drop',
  'x-real-ip': 'drop',
  'x-client-ip': 'drop',
  'x-cluster-client-ip': 'drop',
  'x-original-url': 'drop',
  'x-rewrite-url': 'drop',
  'true-client-ip': 'drop',
  'cf-connecting-ip': 'drop',
}

/** Our own fields, which no client may set. */
const OWN_PREFIX = 'x-sallyport-'

/** Some upstreams read `X_Forwarded_For` and `X.Forwarded.For` as the same field (CGI's habit). */
const readNameLikeCgi = (name: string): string => name.toLowerCase().replaceAll(/[_.]/g, '-')

const useOfName = (name: string): FieldUse => {
  const alike = readNameLikeCgi(name)
  if (alike.startsWith(OWN_PREFIX)) return 'drop'
  const use = uses[alike] ?? 'pass'
  // A twin of a field that we act on is never taken for the field itself.
  return use !== 'pass' && alike !== name.toLowerCase() ? 'drop' : use
}

const MOST_NAMES = 2_000

/** The use of a field, by its name as it was sent. */
export type FieldUseOf = (name: string) => FieldUse

/** Remembers the names seen, up to a bound, so that the usual ones are looked up once. */
export const createFieldUses = (): FieldUseOf => {
  const known = new Map<string, FieldUse>()
  return (name) => {
    const use = known.get(name)
    if (use !== undefined) return use
    const found = useOfName(name)
    if (known.size < MOST_NAMES && name.length <= 64) known.set(name, found)
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

/** The names that a `Connection` field lists, in lower case (RFC 9110 §7.6.1). */
export const connectionOptions = (value: string): string[] =>
  value
    .toLowerCase()
    .split(',')
    .map((option) => option.trim())
    .filter((option) => option !== '')
