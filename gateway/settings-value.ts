import type { Range } from '../policies/range.ts'
import type { Endpoint } from './endpoint.ts'
import type { Route } from './http/routes.ts'
import { isSandbox } from './settings-rules.ts'
import type { WrittenSettings } from './settings-schema.ts'
import type { TlsFiles } from './tls.ts'
import type { MessageUrl, SmppUpstream } from './upstream-urls.ts'

export type RedisSettings =
  | { readonly kind: 'single'; readonly url: string }
  | ({ readonly kind: 'sentinel' } & NonNullable<WrittenSettings['redisSentinel']>)
  | ({ readonly kind: 'cluster' } & NonNullable<WrittenSettings['redisCluster']>)

/** All that an operator sets before the start; times in ms or as the name says. */
export type Settings = Pick<
  WrittenSettings,
  | 'dataDir'
  | 'logLevel'
  | 'limits'
  | 'upstreamLimits'
  | 'smppLimits'
  | 'hashing'
  | 'caches'
  | 'assertion'
  | 'redisPrefix'
  | 'redisTimeoutMs'
> & {
  /** No upstream of either kind: the sample ones and the sample users are wanted. */
  readonly sandbox: boolean
  readonly http: {
    readonly listen: Endpoint
    readonly tls?: TlsFiles | undefined
    readonly proxyProtocol: boolean
    /** None: the sample upstream takes everything. */
    readonly routes: readonly Route[]
  }
  readonly smpp: {
    readonly listen: Endpoint
    readonly tlsListen?: Endpoint | undefined
    readonly tls?: TlsFiles | undefined
    readonly proxyProtocol: boolean
    /** In order of preference; none: the sample SMSC. */
    readonly upstreams: readonly SmppUpstream[]
  }
  readonly admin: { readonly listen: Endpoint; readonly publicUrl?: string | undefined }
  /** How this node is called among the others; else by its host and process. */
  readonly nodeName?: string | undefined
  readonly databaseUrl?: string | undefined
  readonly redis?: RedisSettings | undefined
  readonly trustedProxies: readonly Range[]
  readonly mail: {
    readonly smtpUrl?: string | undefined
    readonly from?: string | undefined
    readonly support?: string | undefined
  }
  readonly messages: {
    readonly sms?: MessageUrl | undefined
    readonly voice?: MessageUrl | undefined
  }
  readonly firstAdmin?:
    { readonly username: string; readonly email: string; readonly password: string } | undefined
  readonly sourceBudget: { readonly limit: number; readonly windowMs: number }
}

const tlsFiles = (cert?: string, key?: string, clientCa?: string): TlsFiles | undefined => {
  if (cert === undefined || key === undefined) return undefined
  return clientCa === undefined ? { cert, key } : { cert, key, clientCa }
}

const redisOf = (written: WrittenSettings): RedisSettings | undefined => {
  const { redisUrl, redisSentinel, redisCluster } = written
  if (redisUrl !== undefined) return { kind: 'single', url: redisUrl }
  if (redisSentinel !== undefined) return { kind: 'sentinel', ...redisSentinel }
  return redisCluster === undefined ? undefined : { kind: 'cluster', ...redisCluster }
}

const routesOf = ({ routes = [], httpUpstream }: WrittenSettings): readonly Route[] => {
  const named = routes.map(({ upstream, ...route }) => ({ ...route, upstreams: upstream }))
  if (httpUpstream === undefined) return named
  const root = {
    path: '/',
    upstreams: [httpUpstream],
    stripPath: false,
    forwardAuthorization: false,
  }
  return [...named, root]
}

const firstAdminOf = (written: WrittenSettings): Settings['firstAdmin'] => {
  const { adminUsername: username, adminEmail: email, adminPassword: password } = written
  return username === undefined || email === undefined || password === undefined
    ? undefined
    : { username, email, password }
}

const httpOf = (written: WrittenSettings): Settings['http'] => ({
  listen: written.httpListen,
  tls: tlsFiles(written.httpTlsCert, written.httpTlsKey),
  proxyProtocol: written.httpProxyProtocol === 'required',
  routes: routesOf(written),
})

const smppOf = (written: WrittenSettings): Settings['smpp'] => {
  const { smppUpstream, smppUpstreams = [] } = written
  return {
    listen: written.smppListen,
    tlsListen: written.smppTlsListen,
    tls: tlsFiles(written.smppTlsCert, written.smppTlsKey, written.smppTlsClientCa),
    proxyProtocol: written.smppProxyProtocol === 'required',
    upstreams: smppUpstream === undefined ? smppUpstreams : [smppUpstream],
  }
}

/** The settings in the shape that the program uses, of settings that are without fault. */
export const toSettings = (written: WrittenSettings): Settings => {
  const { redisPrefix, redisTimeoutMs } = written
  const { dataDir, logLevel, limits, upstreamLimits, smppLimits, hashing, caches, assertion } =
    written
  return {
    ...{ dataDir, logLevel, limits, upstreamLimits, smppLimits, hashing, caches, assertion },
    redisPrefix,
    redisTimeoutMs,
    sandbox: isSandbox(written),
    http: httpOf(written),
    smpp: smppOf(written),
    admin: { listen: written.adminListen, publicUrl: written.publicUrl },
    nodeName: written.nodeName,
    databaseUrl: written.databaseUrl,
    redis: redisOf(written),
    trustedProxies: written.trustedProxies ?? [],
    mail: { smtpUrl: written.smtpUrl, from: written.mailFrom, support: written.supportEmail },
    messages: { sms: written.smsUrl, voice: written.voiceUrl },
    firstAdmin: firstAdminOf(written),
    sourceBudget: {
      limit: written.sourceBudget.limit,
      windowMs: written.sourceBudget.windowSeconds * 1_000,
    },
  }
}
