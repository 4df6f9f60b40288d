/** Nothing to decode, no empty and no dot segment: what nearly every request looks like. */
const plain = /^(?!$)(?:\/[\w~!$&'()*+,=:@-][\w.~!$&'()*+,=:@-]*)*\/?$/

/** What RFC 3986 lets stand in a path, and what URL parsers in the field leave there unencoded. */
const legal = /^\/[!"$-:<->@-[\]-~]*$/

const unreserved = /^[\w.~-]$/

/** What some reader behind us might still take apart, in text that has been decoded once. */
const hazard = /[\p{Cc}\\;]|%[0-9a-f]{2}|\/\/|\/\.{1,2}(?:\/|$)/iu

const toCanonical = (token: string): string => {
  if (token.length === 1) return `%${token.charCodeAt(0).toString(16).toUpperCase()}`
  const character = String.fromCharCode(parseInt(token.slice(1), 16))
  return unreserved.test(character) ? character : token.toUpperCase()
}

const decode = (path: string): string | undefined => {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined // not UTF-8, an overlong form included
  }
}

const slashes = (text: string): number => text.split('/').length

/**
 * A path in its one canonical spelling (RFC 3986 §6.2.2): unreserved characters decoded, hex in
 * upper case. Undefined when someone behind us could read another path into it: dot or empty
 * segments, an encoded slash, backslash, `;`, controls, bad escapes, double encoding, or
 * compatibility characters that fold into any of these.
 */
export const parsePath = (raw: string): string | undefined => {
  if (plain.test(raw)) return raw
  if (!legal.test(raw) || /%(?![0-9a-f]{2})/i.test(raw)) return undefined
  const path = raw.replace(/%[0-9a-f]{2}|["<>^`{|}[\]]/gi, toCanonical)
  const decoded = decode(path)
  if (decoded === undefined) return undefined
  for (const reading of [decoded, decoded.normalize('NFKC')]) {
    if (hazard.test(reading) || slashes(reading) !== slashes(path)) return undefined
  }
  return path
}

/** A canonical path as plain text, so that `/a%21b` and `/a!b` meet the same route. */
export const decodePath = (path: string): string =>
  path.includes('%') ? decodeURIComponent(path) : path
