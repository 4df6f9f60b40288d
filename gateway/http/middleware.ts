import type { HttpBindings } from '@hono/node-server'
import type { MiddlewareHandler } from 'hono'
import type { User } from '../../policies/facts.ts'
import type { Attempt, Decision } from '../../policies/ports.ts'
import { readingOf } from '../../policies/reasons.ts'
import { createClientAddress, createIsTrusted } from '../client-address.ts'
import type { Core } from '../core.ts'
import { addressOfSocket } from '../proxied-listener.ts'
import { readCredential } from '../../policies/credential.ts'
import { renderProblem } from '../../policies/problem.ts'
import { readTarget } from './target.ts'

/** What a Hono app finds in its context behind the door. */
export type Sallyport = {
  readonly Bindings: HttpBindings
  readonly Variables: { readonly user: User; readonly decision: string }
}

/** All values of a field as they were sent, so that a doubled one is seen. */
const linesOf = (rawHeaders: readonly string[], name: string): string[] =>
  rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === name)

const problemOf = (decision: Exclude<Decision, { effect: 'permit' }>, now: number): Response => {
  const retryAt = 'retryAt' in decision ? decision.retryAt : undefined
  const { status, fields, body } = renderProblem(decision.reason, decision.id, { retryAt, now })
  const headers = new Headers()
  for (const [name, value] of fields) headers.append(name, value)
  return new Response(body, { status, headers })
}

/**
 * The HTTP enforcement point as a Hono middleware (on @hono/node-server): what is refused is
 * answered, what is permitted goes on with `user` and `decision` in its context.
 */
export const createMiddleware = (
  { authorize, settings, system, floor }: Core,
  permission?: string,
): MiddlewareHandler<Sallyport> => {
  const clientAddress = createClientAddress(createIsTrusted(settings.trustedProxies))
  return async (c, next) => {
    const arrivedAt = system.elapsed()
    const { socket, rawHeaders, method = 'GET', url = '' } = c.env.incoming
    const target = readTarget(method, url, linesOf(rawHeaders, 'host'))
    const attempt: Attempt = {
      channel: 'http',
      client: clientAddress(addressOfSocket(socket), linesOf(rawHeaders, 'x-forwarded-for')),
      credential: readCredential(linesOf(rawHeaders, 'authorization')),
      fault: 'fault' in target ? target.fault : undefined,
      route: { permission },
      target: 'fault' in target ? undefined : `${method} ${target.path}`,
    }
    const deciding = authorize(attempt)
    const place = floor.placeOf(attempt, deciding, arrivedAt)
    const decision = await deciding
    if (decision.effect === 'permit' && decision.user !== undefined) {
      c.set('user', decision.user)
      c.set('decision', decision.id)
      await next()
      c.header('x-sallyport-decision', decision.id)
      return
    }
    if (decision.effect === 'permit') throw new Error('a permit without a user')
    if (readingOf(decision.reason).http === 401)
      await new Promise<void>((resolve) => {
        floor.release(place, resolve)
      })
    return problemOf(decision, system.now())
  }
}
