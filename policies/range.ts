import { addressOfWords, isMapped, parseAddress, parseWords } from './address.ts'

/** A block of addresses: `text` is canonical, and a plain address when it holds only one. */
export type Range = {
  readonly text: string
  readonly family: 4 | 6
  /** Of the first address; host bits are zero. */
  readonly words: readonly number[]
  readonly prefix: number
}

/** A note says what was understood otherwise than it was written. */
export type ParsedRange =
  { readonly range: Range; readonly note?: string } | { readonly fault: string }

const maskOf = (prefix: number, word: number): number => {
  const bits = Math.min(Math.max(prefix - word * 32, 0), 32)
  return bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0
}

const networkOf = (words: readonly number[], prefix: number): readonly number[] =>
  words.map((word, index) => (word & maskOf(prefix, index)) >>> 0)

const bitsOf = (words: readonly number[]): number => words.length * 32

const rangeOf = (words: readonly number[], prefix: number): Range => {
  const { text, family } = addressOfWords(words)
  return { text: prefix === bitsOf(words) ? text : `${text}/${prefix}`, family, words, prefix }
}

export const firstOf = ({ words }: Range): readonly number[] => words

export const lastOf = ({ words, prefix }: Range): readonly number[] =>
  words.map((word, index) => (word | ~maskOf(prefix, index)) >>> 0)

/** What the fault quotes: never more than a line of what was written. */
const quote = (text: string): string =>
  JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

const examples = '203.0.113.7, 203.0.113.0/24 or 2001:db8::/32'

const addressFault = (text: string): string => {
  if (text.includes('%')) return `${quote(text)} has a zone: write the address without it`
  if (/^\s|\s$/.test(text)) return `${quote(text)} has blanks around it: write it without them`
  if (/^::\d+\.[\d.]+$/.test(text)) {
    const dotted = text.slice(2)
    return parseAddress(dotted) === undefined
      ? `${quote(text)} is not an address: write one such as ${examples}`
      : `${quote(text)} is a deprecated spelling: write ${dotted}`
  }
  if (/^[\da-fx.]*$/i.test(text) && text !== '')
    return `${quote(text)} is not an IPv4 address: write four numbers from 0 to 255, decimal and without leading zeros, such as 203.0.113.7`
  return `${quote(text)} is not an address or range: write ${examples}`
}

/** A mapped block is an IPv4 block, as long as it is no wider than the mapped space. */
const unmap = (
  words: readonly number[],
  prefix: number,
): { words: readonly number[]; prefix: number } | undefined =>
  !isMapped(words)
    ? { words, prefix }
    : prefix >= 96
      ? { words: words.slice(3), prefix: prefix - 96 }
      : undefined

const noteOf = (
  text: string,
  range: Range,
  written: { readonly words: readonly number[]; readonly prefix: number },
): string | undefined => {
  const hostBits = range.words.some((word, index) => word !== written.words[index])
  if (hostBits) return `${text} is not the first address of its range: read as ${range.text}`
  return text.includes(':') && range.family === 4
    ? `${text} is IPv4: read as ${range.text}`
    : undefined
}

/**
 * Reads an address or a CIDR block (RFC 4632 §3.1, RFC 4291 §2.3) strictly. Host bits are cleared
 * and noted, mapped IPv4 becomes IPv4; a fault names what would be right.
 */
export const parseRange = (text: string): ParsedRange => {
  const slash = text.indexOf('/')
  const front = slash < 0 ? text : text.slice(0, slash)
  const words = front.includes(':') ? parseWords(front) : parseAddress(front)?.words
  if (words === undefined) return { fault: addressFault(front) }
  const bits = bitsOf(words)
  const suffix = slash < 0 ? String(bits) : text.slice(slash + 1)
  const prefix = /^(?:0|[1-9]\d{0,2})$/.test(suffix) ? Number(suffix) : Infinity
  if (prefix > bits) {
    const like = `${front}/${bits}`
    return {
      fault: `${quote(text)}: after the slash write a whole number from 0 to ${bits}, such as ${like}, or leave both out for one address`,
    }
  }
  const written = unmap(words, prefix)
  if (written === undefined) {
    const dotted = addressOfWords(words).text
    return {
      fault: `${quote(text)} reaches beyond IPv4: write ${dotted}/${Math.min(prefix, 32)}, or a prefix length from 96 to 128`,
    }
  }
  const range = rangeOf(networkOf(written.words, written.prefix), written.prefix)
  const note = noteOf(text, range, written)
  return note === undefined ? { range } : { range, note }
}
