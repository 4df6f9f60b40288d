import type { HttpBindings } from '@hono/node-server'
import type { MiddlewareHandler } from 'hono'
import type { User } from '../../policies/facts.ts'
import { createClientAddress, createIsTrusted, isProxyItself } from '../client-address.ts'
import type { Core } from '../core.ts'
import { createAuthorizeInTime } from '../in-time.ts'
import { addressOfSocket } from '../proxied-listener.ts'
import { readCredential } from '../../policies/credential.ts'
import { problemResponse } from '../../policies/problem.ts'
import { readTarget } from './target.ts'

/** What a Hono app finds in its context behind the door. */
export type Sallyport = {
  readonly Bindings: HttpBindings
  readonly Variables: { readonly user: User; readonly decision: string }
}

/** All values of a field as they were sent, so that a doubled one is seen. */
const linesOf = (rawHeaders: readonly string[], name: string): string[] =>
  rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name)

/**
 * The HTTP enforcement point as a Hono middleware (on @hono/node-server): what is refused is
 * answered, what is permitted goes on with `user` and `decision` in its context.
 */
export const createMiddleware = (core: Core, permission?: string): MiddlewareHandler<Sallyport> => {
  const { settings, system } = core
  const authorize = createAuthorizeInTime(core)
  const isTrusted = createIsTrusted(settings.trustedProxies)
  const clientAddress = createClientAddress(isTrusted)
  return async (c, next) => {
    const { socket, rawHeaders, method = 'GET', url = '' } = c.env.incoming
    const target = readTarget(method, url, linesOf(rawHeaders, 'host'))
    const remote = addressOfSocket(socket)
    const forwardedFor = linesOf(rawHeaders, 'x-forwarded-for')
    const decision = await authorize({
      channel: 'http',
      client: clientAddress(remote, forwardedFor),
      isProxyItself: isProxyItself(isTrusted, remote, forwardedFor),
      credential: readCredential(linesOf(rawHeaders, 'authorization')),
      fault: 'fault' in target ? target.fault : undefined,
      route: { permission },
      target: 'fault' in target ? undefined : `${method} ${target.path}`,
    })
    if (decision.effect === 'permit' && decision.user !== undefined) {
      c.set('user', decision.user)
      c.set('decision', decision.id)
      await next()
      c.header('x-sallyport-decision', decision.id)
      return
    }
    if (decision.effect === 'permit') throw new Error('a permit without a user')
    const retryAt = 'retryAt' in decision ? decision.retryAt : undefined
    return problemResponse(decision.reason, decision.id, { retryAt, now: system.now() })
  }
}
