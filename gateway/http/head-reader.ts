import type { WireFault } from '../../policies/facts.ts'
import type { HttpRequest } from './exchanger.ts'
import type { FieldUseOf } from './fields.ts'
import { readRequestHead } from './request-head.ts'
import { hasBareLineFeed, parseRequest } from './request-parser.ts'

/** A request from the front of a connection's octets, and how many its head takes. */
export type ReadHead =
  | { readonly request: HttpRequest; readonly size: number }
  | { readonly fault: WireFault }
  | undefined

/** Reads the next request head; undefined: it is not all there. */
export type HeadReader = (octets: Buffer) => ReadHead

const HEAD_END = '\r\n\r\n'
const tooLarge = { fault: 'header-fields-too-large' } as const
const malformed = { fault: 'request-malformed' } as const

/** Longest head that is remembered. */
const MOST_REMEMBERED = 4_096

/** A client that repeats itself to the octet is parsed once: the same octets are the same request. */
export const createHeadReader = (headerBytes: number, useOf: FieldUseOf): HeadReader => {
  /** Octets of the head at hand in which its end was looked for already. */
  let seen = 0
  let last: { readonly octets: Buffer; readonly read: NonNullable<ReadHead> } | undefined

  const read = (octets: Buffer): ReadHead => {
    if (last !== undefined) {
      const { length } = last.octets
      if (octets.length >= length && octets.compare(last.octets, 0, length, 0, length) === 0)
        return last.read
    }
    const from = Math.max(0, seen - HEAD_END.length + 1)
    const end = octets.indexOf(HEAD_END, from)
    if ((end === -1 ? octets.length : end) > headerBytes) return tooLarge
    if (end === -1) return hasBareLineFeed(octets, from) ? malformed : undefined
    const parsed = parseRequest(octets.toString('latin1', 0, end))
    if (parsed === undefined) return malformed
    const size = end + HEAD_END.length
    const found = { request: { ...parsed, head: readRequestHead(parsed, useOf) }, size }
    if (size <= MOST_REMEMBERED)
      last = { octets: Buffer.from(octets.subarray(0, size)), read: found }
    return found
  }
  return (octets) => {
    const found = read(octets)
    seen = found === undefined ? octets.length : 0
    return found
  }
}
