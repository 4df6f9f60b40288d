import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { alice, startPair, type Pair } from '../support/pair.ts'

let pair: Pair

beforeAll(async () => {
  pair = await startPair({ file: { assertion: { enabled: true, lifetimeSeconds: 30 } } })
})
afterAll(() => pair.stop())

const assertionOf = async (headers: Readonly<Record<string, string>> = {}): Promise<string> => {
  const asked = { authorization: alice, ...headers }
  const response = await fetch(`${pair.gateway.url}/a`, { headers: asked })
  expect(response.status).toBe(200)
  return pair.upstream.seen.at(-1)?.fields['x-sallyport-assertion'] ?? ''
}
const keysOf = ({ url }: TestGateway) => createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`))

test('the upstream can prove who the user is with the keys that the gateway serves', async () => {
  const token = await assertionOf()
  const { payload } = await jwtVerify(token, keysOf(pair.gateway), {
    issuer: 'sallyport',
    algorithms: ['ES256'],
  })
  const seen = pair.upstream.seen.at(-1)?.fields
  expect(payload['username']).toBe('alice')
  expect(payload['account']).toBe(seen?.['x-sallyport-account'])
  expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(30)
  expect(decodeProtectedHeader(token).alg).toBe('ES256')
})

test('an assertion of the client own making does not arrive', async () => {
  const token = await assertionOf({
    'x-sallyport-assertion': 'mine',
    X_Sallyport_Assertion: 'mine',
  })
  expect(token.split('.')).toHaveLength(3)
})

test('the key is kept over a restart, and its private half is served to nobody', async () => {
  const jwks = `${pair.gateway.url}/.well-known/jwks.json`
  const { keys } = (await (await fetch(jwks)).json()) as { keys: Record<string, string>[] }
  expect(keys).toHaveLength(1)
  expect(Object.keys(keys[0] ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  const token = await assertionOf()
  const again = await startGateway({
    dataDir: pair.gateway.dataDir,
    file: { httpUpstream: pair.upstream.url, assertion: { enabled: true } },
  })
  try {
    await expect(jwtVerify(token, keysOf(again))).resolves.toBeDefined()
  } finally {
    await again.stop()
  }
})

test('without the wish there is none, and no keys', async () => {
  const plain = await startPair()
  try {
    await fetch(`${plain.gateway.url}/a`, { headers: { authorization: alice } })
    expect(plain.upstream.seen.at(-1)?.fields['x-sallyport-assertion']).toBeUndefined()
    const served = await fetch(`${plain.gateway.url}/.well-known/jwks.json`)
    expect(await served.json()).toEqual({ keys: [] })
  } finally {
    await plain.stop()
  }
})
