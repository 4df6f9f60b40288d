import { chmod, link, readFile, rm, writeFile } from 'node:fs/promises'
import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  SignJWT,
  type CryptoKey,
  type JWK,
} from 'jose'
import type { User } from '../../policies/facts.ts'
import { createCache } from '../cache.ts'

/** A signed word to the upstream on who the user is (JWT, ES256), for upstreams that want proof. */
export type Assertions = {
  /** At once when one that is still young is at hand. */
  readonly assert: (user: User) => string | Promise<string>
  /** The public keys (RFC 7517). */
  readonly jwks: { readonly keys: readonly JWK[] }
}

const ALGORITHM = 'ES256'

/** Written whole or not at all, and never over the key of another process. */
const writeKey = async (file: string, jwk: JWK): Promise<void> => {
  const draft = `${file}.${await calculateJwkThumbprint(jwk)}`
  try {
    await writeFile(draft, `${JSON.stringify(jwk)}\n`, { mode: 0o600, flag: 'wx' })
    await chmod(draft, 0o600)
    await link(draft, file)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** The key in its file (0600), made when there is none. Throws an Error when it cannot be read. */
const readKey = async (file: string): Promise<{ key: CryptoKey; jwk: JWK }> => {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw new Error(`cannot read ${file}: the key of signed assertions`, { cause: error })
  })
  if (text === undefined) {
    const { privateKey } = await generateKeyPair(ALGORITHM, { extractable: true })
    await writeKey(file, await exportJWK(privateKey))
    return readKey(file)
  }
  try {
    const jwk = JSON.parse(text) as JWK
    return { key: (await importJWK(jwk, ALGORITHM)) as CryptoKey, jwk }
  } catch (error) {
    throw new Error(`${file} is damaged: a private key (JWK, ES256) was expected`, { cause: error })
  }
}

/** Assertions last `lifetimeMs` and are reused for half of it; `issuer` is who vouches. */
export const createAssertions = async (options: {
  readonly file: string
  readonly issuer: string
  readonly lifetimeMs: number
  readonly now: () => number
}): Promise<Assertions> => {
  const { key, jwk } = await readKey(options.file)
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
