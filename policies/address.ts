import ipaddr from 'ipaddr.js'

/**
 * A client address, read once at the door. `text` is canonical (dotted quad, or RFC 5952), `words`
 * are its 1 or 4 unsigned 32-bit words, most significant first. IPv4-mapped IPv6 is IPv4 here.
 */
export type Address = {
  readonly text: string
  readonly family: 4 | 6
  readonly words: readonly number[]
  /** What it is counted by: IPv4 by itself, IPv6 by its /64. */
  readonly group: string
}

const octet = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const quad = new RegExp(`^${octet}(?:\\.${octet}){3}$`)
const groups = /^[0-9a-f:]+$/i

/** `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`: no address is written longer. */
const longest = 45

const wordOfQuad = (text: string): number =>
  text.split('.').reduce((word, part) => word * 256 + Number(part), 0)

/** ipaddr.js has the last word on groups; it throws where their number or size is wrong. */
const partsOf = (text: string): readonly number[] | undefined => {
  if (!groups.test(text)) return undefined
  try {
    return ipaddr.IPv6.parse(text).parts
  } catch {
    return undefined
  }
}

const wordsOfParts = (parts: readonly number[]): readonly number[] =>
  [0, 2, 4, 6].map((at) => (parts[at] ?? 0) * 0x10000 + (parts[at + 1] ?? 0))

const partsOfWords = (words: readonly number[]): number[] =>
  words.flatMap((word) => [word >>> 16, word & 0xffff])

/** Whether four words stand for an IPv4 address (`::ffff:0:0/96`, RFC 4291 §2.5.5.2). */
export const isMapped = (words: readonly number[]): boolean =>
  words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff

const networkOf = (words: readonly number[]): string => {
  const groupsOf = partsOfWords(words.slice(0, 2))
  return `${groupsOf.map((part) => part.toString(16)).join(':')}::/64`
}

/** The address of one word (IPv4) or of four (IPv6; mapped ones become IPv4). */
export const addressOfWords = (words: readonly number[]): Address => {
  if (isMapped(words)) return addressOfWords(words.slice(3))
  if (words.length === 4) {
    const text = new ipaddr.IPv6(partsOfWords(words)).toRFC5952String()
    return { text, family: 6, words, group: networkOf(words) }
  }
  const [word = 0] = words
  const text = [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join('.')
  return { text, family: 4, words: [word], group: text }
}

/** The four words of IPv6 text, a mapped address unresolved; a dotted tail is as strict as IPv4. */
export const parseWords = (text: string): readonly number[] | undefined => {
  if (text.length > longest) return undefined
  const tail = text.slice(text.lastIndexOf(':') + 1)
  if (!tail.includes('.')) {
    const parts = partsOf(text)
    return parts && wordsOfParts(parts)
  }
  if (!quad.test(tail)) return undefined
  const low = wordOfQuad(tail)
  const head = text.slice(0, text.length - tail.length)
  const parts = partsOf(`${head}${(low >>> 16).toString(16)}:${(low & 0xffff).toString(16)}`)
  const words = parts && wordsOfParts(parts)
  // `::8.8.8.8` is deprecated (RFC 4291 §2.5.5.1) and read as 8.8.8.8 by some: refused, not guessed.
  return words?.slice(0, 3).every((word) => word === 0) ? undefined : words
}

/**
 * Reads one address strictly: four decimal octets without leading zeros, or IPv6 of groups of at
 * most four digits, without a zone. Undefined for anything else (`10.1`, `010.0.0.1`, `::8.8.8.8`).
 */
export const parseAddress = (text: string): Address | undefined => {
  if (text.length > longest) return undefined
  if (quad.test(text)) return { text, family: 4, words: [wordOfQuad(text)], group: text }
  const words = text.includes(':') ? parseWords(text) : undefined
  return words && addressOfWords(words)
}

/** The address of a literal; throws when it is none. */
export const address = (text: string): Address => {
  const parsed = parseAddress(text)
  if (parsed === undefined) throw new Error(`not an address: ${JSON.stringify(text)}`)
  return parsed
}

export const isSameAddress = (one: Address, other: Address): boolean =>
  one.family === other.family && one.words.every((word, at) => word === other.words[at])

/** The key under which a source is counted. */
export const sourceGroup = ({ group }: Address): string => group
