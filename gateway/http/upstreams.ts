import { upstreamPath, type Route } from './routes.ts'
import { createUpstream, type Upstream, type UpstreamLimits } from './upstream.ts'

/** An upstream to try, and what writes the request head that is meant for it. */
export type Candidate = { readonly upstream: Upstream; readonly head: () => string }

/** Writes the request head for the path that an upstream is to be sent. */
type HeadFor = (path: string) => string

type Pool = { readonly upstream: Upstream; readonly pathOf: (path: string) => string }

/** All upstreams of all routes; those of one origin and timeout share their connections. */
export type Upstreams = {
  /** The route's upstreams, the next in turn first, those that are down last. */
  readonly of: (route: Route, path: string, headFor: HeadFor) => Candidate[]
  readonly close: () => void
}

export const createUpstreams = (limits: UpstreamLimits, elapsed: () => number): Upstreams => {
  const open = new Map<string, Upstream>()
  const pools = new WeakMap<Route, readonly Pool[]>()
  const turns = new WeakMap<Route, number>()

  const openUpstream = (origin: string, timeoutMs: number): Upstream => {
    const key = `${timeoutMs} ${origin}`
    const known = open.get(key)
    if (known !== undefined) return known
    const made = createUpstream(new URL(origin), { ...limits, timeoutMs }, elapsed)
    open.set(key, made)
    return made
  }
  const poolsOf = (route: Route): readonly Pool[] => {
    const known = pools.get(route)
    if (known !== undefined) return known
    const made = route.upstreams.map((url) => ({
      upstream: openUpstream(url.origin, route.timeoutMs ?? limits.timeoutMs),
      pathOf: (path: string) => upstreamPath(route, url, path),
    }))
    pools.set(route, made)
    return made
  }
  const toCandidate = ({ upstream, pathOf }: Pool, path: string, headFor: HeadFor): Candidate => ({
    upstream,
    head: () => headFor(pathOf(path)),
  })

  return {
    of: (route, path, headFor) => {
      const [first, ...others] = poolsOf(route)
      if (first === undefined) return []
      if (others.length === 0) return [toCandidate(first, path, headFor)]
      const all = [first, ...others]
      const turn = turns.get(route) ?? 0
      turns.set(route, (turn + 1) % all.length)
      return [...all.slice(turn), ...all.slice(0, turn)]
        .sort((a, b) => Number(a.upstream.isDown()) - Number(b.upstream.isDown()))
        .map((pool) => toCandidate(pool, path, headFor))
    },
    close: () => {
      for (const upstream of open.values()) upstream.close()
    },
  }
}
