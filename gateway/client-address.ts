import { parseAddress, type Address } from '../policies/address.ts'
import type { Range } from '../policies/range.ts'
import { closedSafelist, compileSafelist, covers } from '../policies/safelist.ts'

/** More entries than any chain of proxies has (E3): each would be parsed for whoever sent them. */
const ENTRIES_MAX = 64

/** Whether the address is that of a proxy whose word on its client is believed. */
export type IsTrusted = (address: Address) => boolean

/** None trusted when there are no ranges: an empty list opens nothing here. */
export const createIsTrusted = (ranges: readonly Range[]): IsTrusted => {
  const trusted =
    ranges.length === 0 ? closedSafelist : compileSafelist(ranges.map((range) => ({ range })))
  return (address) => covers(trusted, address, 0)
}

/**
 * Whether a proxy speaks for itself, as to see if all is well. Others in its range do not, and whom
 * it names is another, or says so: what the range is trusted for is its word on its clients.
 */
export const isProxyItself = (
  isTrusted: IsTrusted,
  remote: Address | undefined,
  forwardedFor: readonly string[],
): boolean => remote !== undefined && forwardedFor.length === 0 && isTrusted(remote)

/**
 * The client address behind a remote address and all X-Forwarded-For lines; undefined when it
 * cannot be read, which refuses (`source-unreadable`) and never skips a check.
 */
export type ClientAddress = (
  remote: Address | undefined,
  forwardedFor: readonly string[],
) => Address | undefined

/**
 * From right to left, the first address that is not a trusted proxy. What stands left of it was
 * written by strangers and is not read. When all are trusted, the leftmost is the client; a trusted
 * proxy that forwards for nobody is the client itself.
 */
export const createClientAddress = (isTrusted: IsTrusted): ClientAddress => {
  const fromChain = (entries: readonly string[]): Address | undefined => {
    let client: Address | undefined
    for (const entry of entries.toReversed()) {
      client = parseAddress(entry.trim())
      if (client === undefined || !isTrusted(client)) return client
    }
    return client
  }
  return (remote, forwardedFor) => {
    if (remote === undefined || forwardedFor.length === 0 || !isTrusted(remote)) return remote
    const entries = forwardedFor.join(',').split(',', ENTRIES_MAX + 1)
    return entries.length > ENTRIES_MAX ? undefined : fromChain(entries)
  }
}
