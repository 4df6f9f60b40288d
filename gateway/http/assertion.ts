import { calculateJwkThumbprint, SignJWT, type JWK } from 'jose'
import type { Database } from '../../db/database.ts'
import type { Random } from '../../db/secrets.ts'
import type { User } from '../../policies/facts.ts'
import { createCache } from '../cache.ts'
import { ALGORITHM, readAssertionKey } from './assertion-key.ts'

/** A signed word to the upstream on who the user is (JWT, ES256), for upstreams that want proof. */
export type Assertions = {
  /** At once when one that is still young is at hand. */
  readonly assert: (user: User) => string | Promise<string>
  /** The public keys (RFC 7517). */
  readonly jwks: { readonly keys: readonly JWK[] }
}

/** Assertions last `lifetimeMs` and are reused for half of it; `issuer` is who vouches. */
export const createAssertions = async (options: {
  readonly database: Database
  /** Where older versions had the key. */
  readonly oldFile: string
  readonly issuer: string
  readonly lifetimeMs: number
  readonly now: () => number
  readonly random: Random
}): Promise<Assertions> => {
  const { key, jwk } = await readAssertionKey(options.database, options.oldFile, options.random)
  const kid = await calculateJwkThumbprint(jwk)
  const { kty, crv, x, y } = jwk
  const young = createCache<User, { token: string; until: number }>(10_000)

  const sign = async (user: User): Promise<string> => {
    const now = options.now()
    const issuedAt = Math.floor(now / 1_000)
    const token = await new SignJWT({ username: user.username, account: user.accountId })
      .setProtectedHeader({ alg: ALGORITHM, kid, typ: 'JWT' })
      .setIssuer(options.issuer)
      .setSubject(user.id)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + Math.ceil(options.lifetimeMs / 1_000))
      .sign(key)
    young.set(user, { token, until: now + options.lifetimeMs / 2 })
    return token
  }
  return {
    assert: (user) => {
      const known = young.get(user)
      return known !== undefined && known.until > options.now() ? known.token : sign(user)
    },
    jwks: { keys: [{ kty, crv, x, y, kid, alg: ALGORITHM, use: 'sig' } as JWK] },
  }
}
