import { z } from 'zod'
import { defaultAttemptLimits } from '../db/attempts.ts'
import { LEASE_MS } from '../db/bind-leases.ts'
import { parsePermission } from '../policies/permissions.ts'
import { hostOf, parseAuthority } from './http/authority.ts'
import { decodePath, parsePath } from './http/path.ts'
import {
  endpoint,
  flag,
  httpUpstream,
  list,
  matching,
  part,
  smppUpstream,
  text,
  whole,
} from './settings-fields.ts'

const routeHost = text('must be a host without a port', (written) => {
  const authority = parseAuthority(written)
  return authority !== undefined && hostOf(authority) === authority ? authority : undefined
})

const route = part({
  host: routeHost.exactOptional(),
  path: text(
    'must be a path such as /sms, without dot or empty segments, `;` or a query',
    parsePath,
  ),
  upstream: list(httpUpstream, 'URLs'),
  permission: matching(
    'must be area/action, such as sms/send',
    (written) => parsePermission(written)?.kind === 'name',
  ).exactOptional(),
  stripPath: flag().default(false),
  forwardAuthorization: flag().default(false),
  timeoutMs: whole(1, 3_600_000).exactOptional(),
})

/** One route to a host and path; a second one would never be asked. */
const routes = list(route, 'routes').check(({ value, issues }) => {
  const seen = new Set<string>()
  for (const [index, { host = '', path }] of value.entries()) {
    const key = host + decodePath(path).replace(/\/$/, '')
    const message = 'must not be the host and path of a route before it'
    if (seen.has(key)) issues.push({ code: 'custom', input: value, path: [index, 'path'], message })
    seen.add(key)
  }
})

const secret = z.string({ error: 'must be a text' })
const redisNode = endpoint('10.0.0.1:6379')
const redisSentinel = part({
  name: matching('must be the name of the monitored master', (name) => name !== ''),
  sentinels: list(redisNode, 'host:port'),
  username: secret.exactOptional(),
  password: secret.exactOptional(),
  sentinelPassword: secret.exactOptional(),
  db: whole(0, 1_000_000).default(0),
  tls: flag().default(false),
})
const redisCluster = part({
  nodes: list(redisNode, 'host:port'),
  username: secret.exactOptional(),
  password: secret.exactOptional(),
  tls: flag().default(false),
})

const limits = part({
  headerBytes: whole(1_024, 1_048_576).default(16_384),
  bodyBytes: whole(1_024, 16_777_216).default(65_536),
  headerTimeoutMs: whole(1, 600_000).default(10_000),
  idleTimeoutMs: whole(1, 3_600_000).default(60_000),
  proxyHeaderTimeoutMs: whole(1, 60_000).default(5_000),
  maxConnections: whole(1, 1_000_000).default(20_000),
  floorMs: whole(0, 5_000).default(100),
  drainMs: whole(0, 60_000).default(10_000),
}).prefault({})

const upstreamLimits = part({
  connections: whole(1, 65_535).default(256),
  waiting: whole(0, 1_000_000).default(1_024),
  connectMs: whole(1, 600_000).default(5_000),
  timeoutMs: whole(1, 3_600_000).default(30_000),
  idleMs: whole(1, 3_600_000).default(4_000),
}).prefault({})

const ms = (fallback: number) => whole(1, 3_600_000).default(fallback)

const smppLimits = part({
  /** Connections that have not bound yet, in all and from one source, which can never take all. */
  unbound: whole(2, 1_000_000).default(5_000),
  unboundPerSource: whole(1, 500_000).default(1_000),
  upstreamBindMs: ms(10_000),
  /** What the oldest bind may take, at the limit, to show that it lives. */
  probeMs: ms(2_000),
  /** A place of a bind is free so long after its node was last heard of. */
  leaseMs: whole(1_000, 600_000).default(LEASE_MS),
  timers: part({
    initMs: ms(10_000),
    pduMs: ms(10_000),
    stallMs: ms(30_000),
    enquireLinkMs: ms(60_000),
    responseMs: ms(30_000),
    /** A day: an ESME may be quiet for long, as long as it is there. */
    inactivityMs: whole(1, 31 * 86_400_000).default(86_400_000),
  }).prefault({}),
  end: part({ graceMs: ms(1_000), unbindMs: ms(5_000), closeMs: ms(500) }).prefault({}),
  relay: part({
    budgetOctets: whole(65_536, 67_108_864).default(131_072),
    unanswered: whole(1, 1_000_000).default(4_096),
    forgetMs: ms(60_000),
  }).prefault({}),
})
  .refine(({ unbound, unboundPerSource }) => unboundPerSource <= unbound / 2, {
    path: ['unboundPerSource'],
    error: 'must be at most half of unbound',
  })
  .prefault({})

/** What only the file can say. */
export const fileShape = {
  $schema: z.string({ error: 'must be a text' }).exactOptional(),
  nodeName: matching('must be 1 to 128 characters, none of them a control character', (name) =>
    /^\P{Cc}{1,128}$/u.test(name),
  ).exactOptional(),
  routes: routes.exactOptional(),
  smppUpstreams: list(smppUpstream, 'URLs').exactOptional(),
  redisSentinel: redisSentinel.exactOptional(),
  redisCluster: redisCluster.exactOptional(),
  redisPrefix: matching('must be 1 to 64 letters, digits and : . _ -', (prefix) =>
    /^[\w:.-]{1,64}$/.test(prefix),
  ).default('sallyport:'),
  redisTimeoutMs: whole(1, 10_000).default(50),
  sourceBudget: part({
    limit: whole(1, 1_000_000_000).default(defaultAttemptLimits.sourceRefusals),
    windowSeconds: whole(1, 86_400).default(defaultAttemptLimits.sourceWindowMs / 1_000),
  }).prefault({}),
  limits,
  upstreamLimits,
  smppLimits,
  hashing: part({
    concurrency: whole(1, 1_024).exactOptional(),
    queue: whole(0, 100_000).default(64),
  }).prefault({}),
  caches: part({
    users: whole(1, 10_000_000).default(100_000),
    credentials: whole(1, 10_000_000).default(50_000),
    credentialSeconds: whole(1, 3_600).default(300),
  }).prefault({}),
  assertion: part({
    enabled: flag().default(false),
    lifetimeSeconds: whole(1, 3_600).default(60),
  }).prefault({}),
}
