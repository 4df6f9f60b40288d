import { isLoopback, parseEndpoint, type Endpoint } from './endpoint.ts'
import { environmentShape, listenDefaults } from './settings-environment.ts'
import type { WrittenSettings } from './settings-schema.ts'

export type SettingKey = keyof WrittenSettings

/** The settings as they were written, by key, none of them read yet. */
export type Given = Readonly<Partial<Record<SettingKey, unknown>>>

export type KeyFault = { readonly key: SettingKey; readonly message: string }

type Rule = (given: Given) => readonly KeyFault[]

/** A key as operators know it: as in the environment, if it can stand there. */
export const settingName = (key: string): string =>
  Object.hasOwn(environmentShape, key)
    ? key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()
    : key

const has = (given: Given, key: SettingKey): boolean => given[key] !== undefined

/** All of a row, or none. */
const together: readonly (readonly SettingKey[])[] = [
  ['httpTlsCert', 'httpTlsKey'],
  ['smppTlsListen', 'smppTlsCert', 'smppTlsKey'],
  ['adminUsername', 'adminEmail', 'adminPassword'],
]

/** The first only with the second. */
const needed: readonly (readonly [SettingKey, SettingKey])[] = [
  ['smppTlsClientCa', 'smppTlsListen'],
  ['smtpUrl', 'mailFrom'],
]

/** One of a row at most. */
const exclusive: readonly (readonly SettingKey[])[] = [
  ['redisUrl', 'redisSentinel', 'redisCluster'],
  ['smppUpstream', 'smppUpstreams'],
]

const missing = (key: SettingKey, because: SettingKey): KeyFault => ({
  key,
  message: `must be set, because ${settingName(because)} is`,
})

const standTogether: Rule = (given) =>
  together.flatMap((keys) => {
    const because = keys.find((key) => has(given, key))
    if (because === undefined) return []
    return keys.filter((key) => !has(given, key)).map((key) => missing(key, because))
  })

const needOthers: Rule = (given) =>
  needed
    .filter(([key, other]) => has(given, key) && !has(given, other))
    .map(([key, other]) => missing(other, key))

const excludeOthers: Rule = (given) =>
  exclusive.flatMap((keys) => {
    const [first, ...others] = keys.filter((key) => has(given, key))
    if (first === undefined) return []
    const message = `must not be set beside ${settingName(first)}`
    return others.map((key) => ({ key, message }))
  })

/** A PROXY header is believed of trusted peers only, so without any nobody would come in. */
const proxiesAreNamed: Rule = (given) =>
  (['httpProxyProtocol', 'smppProxyProtocol'] as const)
    .filter((key) => given[key] === 'required' && !has(given, 'trustedProxies'))
    .slice(0, 1)
    .map((key) => ({
      key: 'trustedProxies',
      message: `must name the proxies, because ${settingName(key)} is required`,
    }))

const hasHttpUpstream = (given: Given): boolean =>
  has(given, 'httpUpstream') || has(given, 'routes')
const hasSmppUpstream = (given: Given): boolean =>
  has(given, 'smppUpstream') || has(given, 'smppUpstreams')

/** No upstream at all is configured: the sample ones are started, with users known to everyone. */
export const isSandbox = (given: Given): boolean =>
  !hasHttpUpstream(given) && !hasSmppUpstream(given)

const listeners = ['httpListen', 'smppListen', 'smppTlsListen', 'adminListen'] as const

type Listener = (typeof listeners)[number]

const endpointOf = (given: Given, key: Listener): Endpoint | undefined => {
  const written = given[key] ?? (key === 'smppTlsListen' ? undefined : listenDefaults[key])
  return typeof written === 'string' ? parseEndpoint(written) : undefined
}

const sandboxIsPrivate: Rule = (given) =>
  listeners.flatMap((key) => {
    const upstream = key === 'httpListen' ? 'HTTP_UPSTREAM' : 'SMPP_UPSTREAM'
    const isSample =
      key === 'adminListen'
        ? isSandbox(given)
        : !(key === 'httpListen' ? hasHttpUpstream : hasSmppUpstream)(given)
    const host = endpointOf(given, key)?.host
    if (!isSample || host === undefined || isLoopback(host)) return []
    return [
      { key, message: `must be on loopback until ${upstream} is set: the sandbox is private` },
    ]
  })

const everywhere = new Set(['0.0.0.0', '::'])

const listenersDiffer: Rule = (given) =>
  listeners.flatMap((key, index) => {
    const own = endpointOf(given, key)
    if (own === undefined || own.port === 0) return []
    const rival = listeners.slice(0, index).find((other) => {
      const taken = endpointOf(given, other)
      if (taken?.port !== own.port) return false
      return taken.host === own.host || everywhere.has(taken.host) || everywhere.has(own.host)
    })
    return rival === undefined
      ? []
      : [{ key, message: `must not be that of ${settingName(rival)}` }]
  })

const isRoot = (route: unknown): boolean =>
  typeof route === 'object' &&
  route !== null &&
  !('host' in route) &&
  'path' in route &&
  route.path === '/'

/** HTTP_UPSTREAM is the route `/`, so there must be no other. */
const rootIsNamedOnce: Rule = ({ httpUpstream, routes }) =>
  httpUpstream !== undefined && Array.isArray(routes) && routes.some(isRoot)
    ? [{ key: 'httpUpstream', message: 'must not be set beside a route of the path /' }]
    : []

const rules: readonly Rule[] = [
  standTogether,
  needOthers,
  excludeOthers,
  rootIsNamedOnce,
  proxiesAreNamed,
  sandboxIsPrivate,
  listenersDiffer,
]

/** What is wrong between settings, whether or not each is right by itself. */
export const faultsBetween = (given: Given): readonly KeyFault[] =>
  rules.flatMap((rule) => rule(given))

/** Several workers count, hold slots and hear of changes together, and that is Redis's part. */
export const faultsOfWorkers = (given: Given, workers: number): readonly KeyFault[] => {
  const isShared = (['redisUrl', 'redisSentinel', 'redisCluster'] as const).some((key) =>
    has(given, key),
  )
  return workers === 1 || isShared
    ? []
    : [{ key: 'redisUrl', message: 'must be set: several workers count together through Redis' }]
}
