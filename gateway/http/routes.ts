import { hostOf } from './authority.ts'
import { decodePath } from './path.ts'

/** Where a route leads: an origin (`http://host:port`) and the path that is put before every path. */
export type UpstreamUrl = {
  readonly origin: string
  /** Empty, or canonical with a leading and without a trailing slash. */
  readonly basePath: string
}

export type Route = {
  /** Canonical host without a port; absent: every host. */
  readonly host?: string
  /** Canonical path prefix, matched at segment boundaries. */
  readonly path: string
  /** At least one, in order of preference. */
  readonly upstreams: readonly UpstreamUrl[]
  /** What the user must hold to use it. */
  readonly permission?: string
  /** The matched prefix is taken off before the request goes up. */
  readonly stripPath: boolean
  /** The client's own Authorization goes up as well. */
  readonly forwardAuthorization: boolean
  /** How long the upstream may be silent at any time, in ms; absent: the limit of all routes. */
  readonly timeoutMs?: number
}

/** Finds the route of a canonical authority and path. */
export type MatchRoute = (authority: string, path: string) => Route | undefined

type Entry = { readonly route: Route; readonly exact: string; readonly below: string }

const toEntry = (route: Route): Entry => {
  const exact = decodePath(route.path).replace(/\/$/, '')
  return { route, exact: exact === '' ? '/' : exact, below: `${exact}/` }
}

/** Longest prefix first; among equals the one that names the host. */
const bySpecificity = (a: Entry, b: Entry): number =>
  b.below.length - a.below.length ||
  Number(a.route.host === undefined) - Number(b.route.host === undefined)

/**
 * The longest path prefix wins, whatever host it names, so that a permission demanded of `/admin`
 * holds on every host; among equal prefixes the route that names the host does.
 */
export const createMatchRoute = (routes: readonly Route[]): MatchRoute => {
  const entries = routes.map(toEntry).sort(bySpecificity)
  const ofAnyHost = entries.filter(({ route }) => route.host === undefined)
  const byHost = new Map<string, readonly Entry[]>()
  for (const { host } of routes) {
    if (host === undefined) continue
    byHost.set(
      host,
      entries.filter(({ route }) => (route.host ?? host) === host),
    )
  }
  return (authority, path) => {
    const text = decodePath(path)
    const candidates = byHost.size === 0 ? ofAnyHost : (byHost.get(hostOf(authority)) ?? ofAnyHost)
    for (const { route, exact, below } of candidates) {
      if (text.startsWith(below) || text === exact) return route
    }
    return undefined
  }
}

const segments = (path: string): number =>
  path === '/' ? 0 : path.replace(/\/$/, '').split('/').length - 1

const withoutSegments = (path: string, count: number): string => {
  let from = 0
  for (let left = count; left > 0 && from >= 0; left -= 1) from = path.indexOf('/', from + 1)
  return from < 0 ? '/' : path.slice(from)
}

/** The path that an upstream of this route is sent for a canonical path that the route matched. */
export const upstreamPath = (route: Route, upstream: UpstreamUrl, path: string): string =>
  upstream.basePath + (route.stripPath ? withoutSegments(path, segments(route.path)) : path)
