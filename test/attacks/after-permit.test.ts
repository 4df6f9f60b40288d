import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createApiKey, setApiKeyEnabled } from '../../db/api-keys.ts'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor as actor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { startGateway, type TestGateway } from '../support/gateway.ts'
import { alice, good, head, prime, startPair, verdictsIn, type Pair } from '../support/pair.ts'
import { exchangeRaw, statusesIn } from '../support/raw.ts'
import { startWebSocketUpstream, upgrade, type WebSocketUpstream } from '../support/websocket.ts'

let echo: WebSocketUpstream
let gateway: TestGateway
let pair: Pair

beforeAll(async () => {
  echo = await startWebSocketUpstream()
  gateway = await startGateway({ env: { HTTP_UPSTREAM: echo.url } })
  pair = await startPair()
})
afterAll(async () => {
  await gateway.stop()
  await echo.stop()
  await pair.stop()
})

const reasons = async (of: TestGateway): Promise<(string | null)[]> => {
  await of.core.refusals.flush()
  return (await findEventsAfter(of.core.database, 0, 1_000)).map(({ reason }) => reason)
}

test('a tunnel that a key opened ends within a second of the key, and the audit says why', async () => {
  const { database } = gateway.core
  const { id: userId } = await gateway.addUser({ username: 'carol' })
  const token = Buffer.alloc(24, 7).toString('base64url')
  const key = await transact(database, (tx) =>
    createApiKey(tx, { actor, userId, name: 'mine', digest: digestToken(token) }),
  )
  if (!('id' in key)) throw new Error('no key')
  const tunnel = await upgrade(`${gateway.url}/ws`, { authorization: `App ${token}` })
  if (tunnel?.socket === undefined) throw new Error('no tunnel')
  tunnel.socket.resume()
  const closed = once(tunnel.socket, 'close')
  const began = performance.now()
  await transact(database, (tx) => setApiKeyEnabled(tx, { actor, id: key.id, enabled: false }))
  await closed
  expect(performance.now() - began).toBeLessThan(1_000)
  expect(await reasons(gateway)).toContain('key-disabled')
})

test('chunks that are none are 400 with a reason, and nothing behind them is served', async () => {
  await prime(pair)
  const broken = head('POST /a', `Authorization: ${alice}\nTransfer-Encoding: chunked`)
  const { text, closed } = await exchangeRaw(pair.gateway.port, [
    broken,
    '3\r\nabc\r\nZZ\r\n',
    good('/behind'),
  ])
  expect([statusesIn(text), closed]).toEqual([[400], true])
  expect((await verdictsIn(pair, text)).map(({ reason }) => reason)).toEqual(['request-malformed'])
})

const answers = { GET: 200, HEAD: 200, POST: 405, TRACK: 405, PROPFIND: 405 } as const

test('what is ours answers whatever host and method it is asked with', async () => {
  for (const [method, status] of Object.entries(answers)) {
    const asked = `${method} /.well-known/jwks.json?token=SECRET HTTP/1.1\r\nHost: 1.2.3.256\r\nConnection: close\r\n\r\n`
    const { text } = await exchangeRaw(pair.gateway.port, asked)
    expect([method, statusesIn(text)]).toEqual([method, [status]])
    // HEAD says what GET would send (RFC 9110 §9.3.2).
    if (status === 200) expect(text).toMatch(/content-length: 11\r\n/i)
    else expect(text).toContain('application/problem+json')
  }
  expect(pair.gateway.logged.join('')).not.toContain('SECRET')
  const recorded = await reasons(pair.gateway)
  expect(recorded).toContain('method-not-allowed')
  expect(recorded).not.toContain('internal')
})
