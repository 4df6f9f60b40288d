import type { Context, MiddlewareHandler } from 'hono'
import type { RefusalLog } from '../db/refusals.ts'
import type { Address } from '../policies/address.ts'
import { readCredential } from '../policies/credential.ts'
import type { AuthorizeInTime, Credential } from '../policies/ports.ts'
import { problemResponse } from '../policies/problem.ts'
import type { Reason } from '../policies/reasons.ts'
import type { AdminEnv } from './caller.ts'
import { isCrossSite } from './cross-site.ts'

export type DoorDeps = {
  readonly authorize: AuthorizeInTime
  /** After trusted proxies; undefined when it cannot be read, which refuses. */
  readonly clientAddressOf: (c: Context) => Address | undefined
  /** A trusted proxy speaks for itself alone; without this none ever does. */
  readonly isProxyItself?: (c: Context) => boolean
  readonly refusals: Pick<RefusalLog, 'record'>
  /** Not all nodes can be sure to hear of a change at once. */
  readonly isDegraded: () => boolean
  /** Ms since the epoch. */
  readonly now: () => number
}

/** A route as the decision sees it; undefined: no route of ours. */
type Entered =
  | {
      readonly permission?: string | undefined
      /** Refused while not all nodes can be sure to hear of it. */
      readonly needsAllNodes?: boolean | undefined
    }
  | undefined

/** Lets through whom the rules permit, and puts the caller into the context. */
export type Enter = (route: Entered) => MiddlewareHandler<AdminEnv>

/**
 * What the request offers as proof. The lines of a doubled Authorization come joined by a comma,
 * which no credential has, and are refused as ambiguous. (The console's session goes here: its
 * cookie counts where there is no Authorization, and then the Origin is checked.)
 */
const credentialOf = (c: Context): Credential => {
  const line = c.req.header('authorization')
  return readCredential(line === undefined ? [] : [line])
}

/** The enforcement point of the admin listener: every call of every route goes through it. */
export const createEnter =
  ({ authorize, clientAddressOf, isProxyItself, refusals, isDegraded, now }: DoorDeps): Enter =>
  (route) =>
  async (c, next) => {
    const client = clientAddressOf(c)
    const target = `${c.req.method} ${c.req.path}`
    const credential = credentialOf(c)
    const decision = await authorize({
      ...{ channel: 'http', client, credential, route, target },
      isProxyItself: isProxyItself?.(c),
    })
    const { id, user, key } = decision
    if (decision.effect !== 'permit') {
      const retryAt = 'retryAt' in decision ? decision.retryAt : undefined
      return problemResponse(decision.reason, id, { retryAt, now: now() })
    }
    if (user === undefined || client === undefined)
      throw new Error('a permit without a user or an address')
    c.set('caller', {
      user,
      permission: route?.permission,
      key,
      client,
      actor: { userId: user.id, channel: 'http', source: client.text },
      decisionId: id,
    })
    const recordRefusal = (reason: Reason): string =>
      refusals.record({ channel: 'http', reason, client, user, target })
    c.set('recordRefusal', recordRefusal)
    const refuse = (reason: Reason): Response =>
      problemResponse(reason, recordRefusal(reason), { now: now() })
    if (isCrossSite(c)) return refuse('cross-site')
    if (route?.needsAllNodes === true && isDegraded()) return refuse('unavailable')
    await next()
    // A refusal has an id of its own.
    if (!c.res.headers.has('x-sallyport-decision')) c.header('x-sallyport-decision', id)
    return undefined
  }
