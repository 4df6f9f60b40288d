import { parseAddress } from '../../policies/address.ts'

const HOST_NAME_MAX = 253
const PORT_MAX = 65_535

/** A name or IPv4 address without an empty label or trailing dot, and a port without leading zeros. */
const named = /^[\w-]+(?:\.[\w-]+)*(?::[1-9]\d{0,4})?$/
const bracketed = /^\[([\da-f:.]+)\](:[1-9]\d{0,4})?$/i

const portIsLegal = (authority: string): boolean => {
  const colon = authority.lastIndexOf(':')
  return colon < authority.lastIndexOf(']') || Number(authority.slice(colon + 1)) <= PORT_MAX
}

/**
 * `host[:port]` in lower case, IPv6 in its RFC 5952 spelling (RFC 9110 §7.2). Undefined for
 * anything with two readings: user information, commas, escapes, empty labels, a trailing dot.
 */
export const parseAuthority = (text: string): string | undefined => {
  if (named.test(text)) {
    const colon = text.indexOf(':')
    if ((colon < 0 ? text.length : colon) > HOST_NAME_MAX) return undefined
    return colon < 0 || portIsLegal(text) ? text.toLowerCase() : undefined
  }
  const [, inner, port = ''] = bracketed.exec(text) ?? []
  const address = inner?.includes(':') === true ? parseAddress(inner) : undefined
  if (address === undefined || !portIsLegal(text)) return undefined
  return (address.family === 6 ? `[${address.text}]` : address.text) + port
}

/** The host of a canonical authority, without its port. */
export const hostOf = (authority: string): string => {
  const colon = authority.lastIndexOf(':')
  return colon < 0 || authority.endsWith(']') ? authority : authority.slice(0, colon)
}
