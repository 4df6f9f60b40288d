import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import { createAdmin } from '../admin/app.ts'
import { createClientAddress, createIsTrusted, isProxyItself } from './client-address.ts'
import type { Core } from './core.ts'
import { createAuthorizeInTime } from './in-time.ts'
import { createExplain } from './explain.ts'
import { createMatchRoute, type Route } from './http/routes.ts'
import { addressOfSocket } from './proxied-listener.ts'

/** The administration point of a core, for an app that is served by @hono/node-server. */
export const createAdminPoint = (core: Core, routes: readonly Route[]) => {
  const { database, attempts, hashing, live, liveLog, log, settings, system } = core
  const isTrusted = createIsTrusted(settings.trustedProxies)
  const clientAddress = createClientAddress(isTrusted)
  const whereFrom = (c: Context) => {
    const { incoming } = c.env as HttpBindings
    const forwardedFor = incoming.headersDistinct['x-forwarded-for'] ?? []
    return [addressOfSocket(incoming.socket), forwardedFor] as const
  }
  return createAdmin({
    database,
    attempts,
    hashing,
    live,
    liveLog,
    random: system.random,
    log,
    authorize: createAuthorizeInTime(core),
    refusals: core.refusals,
    isDegraded: () => core.isDegraded() && core.liveNodes() > 1,
    explain: createExplain({ ...core, matchRoute: createMatchRoute(routes), now: system.now }),
    clientAddressOf: (c: Context) => clientAddress(...whereFrom(c)),
    isProxyItself: (c: Context) => isProxyItself(isTrusted, ...whereFrom(c)),
  })
}
