import type { Context } from 'hono'

const safe = new Set(['GET', 'HEAD'])

const hostOf = (origin: string): string | undefined => {
  try {
    return new URL(origin).host
  } catch {
    return undefined
  }
}

/**
 * Whether a page of somebody else makes this change (H8): browsers repeat credentials of their own
 * accord. They say where a request comes from (Fetch Metadata; else Origin, RFC 6454 §7), which
 * `null` does not; programs say nothing, and have nothing that a page could make use of.
 */
export const isCrossSite = (c: Context): boolean => {
  if (safe.has(c.req.method)) return false
  const site = c.req.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return true
  const origin = c.req.header('origin')
  if (origin === undefined) return false
  const host = c.req.header('host') ?? new URL(c.req.url).host
  return hostOf(origin)?.toLowerCase() !== host.toLowerCase()
}
