import { once } from 'node:events'
import { request as call, type IncomingMessage, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createApiKey, setApiKeyEnabled } from '../../db/api-keys.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor as actor } from '../../db/record.ts'
import { grantRole, revokeRole } from '../../db/roles.ts'
import { replaceSafelist } from '../../db/safelists.ts'
import { digestToken } from '../../db/secrets.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { setApiAccess, setUserEnabled } from '../../db/users.ts'
import { basic } from '../support/gateway.ts'
import { alice, good, refused, startPair, verdictsIn, type Pair } from '../support/pair.ts'
import { openRawClient } from '../support/raw-client.ts'
import { startWebSocketUpstream, upgrade, type WebSocketUpstream } from '../support/websocket.ts'

let pair: Pair
let webSockets: WebSocketUpstream
let names = 0

let open = 0
let octets = 0

/** Answers with a body that never ends, a piece every 5 ms; or not at all. */
const drip = ({ url }: IncomingMessage, outgoing: ServerResponse): void => {
  if (url === '/silent') return
  open += 1
  outgoing.flushHeaders()
  const timer = setInterval(() => outgoing.write('x'), 5)
  outgoing.on('close', () => {
    open -= 1
    clearInterval(timer)
  })
}

beforeAll(async () => {
  webSockets = await startWebSocketUpstream()
  pair = await startPair({
    listener: drip,
    routes: (url) => [
      { path: '/', upstream: [url] },
      { path: '/ws', upstream: [webSockets.url] },
      { path: '/admin', upstream: [url], permission: 'users/view' },
    ],
  })
})
afterAll(async () => {
  await pair.stop()
  await webSockets.stop()
})

let user: UserRow
let authorization: string
beforeEach(async () => {
  const username = `user-${++names}`
  user = await pair.gateway.addUser({ username, password: 'a-secret-of-one', roles: ['auditor'] })
  authorization = basic(username, 'a-secret-of-one')
})

const change = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> =>
  transact(pair.gateway.core.database, work)

/** A download that has begun; `ended` resolves when it is over, with how. */
const download = async (path = '/', value = authorization) => {
  const outgoing = call(pair.gateway.url + path, { headers: { authorization: value } }).end()
  outgoing.on('error', () => undefined)
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  expect(incoming.statusCode).toBe(200)
  const ended = new Promise<string>((resolve) => {
    incoming
      .on('error', () => {
        resolve('broken off')
      })
      .on('end', () => {
        resolve('whole')
      })
  })
  incoming.on('data', (chunk: Buffer) => (octets += chunk.length))
  return { ended, incoming }
}

const byId = () => ({ actor, userId: user.id })
const elsewhere = [{ range: '203.0.113.0/24' }]
const here = [{ range: '127.0.0.0/8' }]

const revocations: [string, (tx: Transaction) => Promise<unknown>][] = [
  ['the user is disabled', (tx) => setUserEnabled(tx, { ...byId(), enabled: false })],
  ['HTTP is switched off', (tx) => setApiAccess(tx, { ...byId(), http: false, smpp: true })],
  [
    'the safelist leaves the client out',
    (tx) => replaceSafelist(tx, { ...byId(), entries: elsewhere }),
  ],
  ['the password changes', (tx) => setPassword(tx, { ...byId(), hash: user.passwordHash ?? '' })],
  ['the role is taken away', (tx) => revokeRole(tx, { ...byId(), roleId: 'auditor' })],
]
const harmless: [string, (tx: Transaction) => Promise<unknown>][] = [
  ['SMPP is switched off', (tx) => setApiAccess(tx, { ...byId(), http: true, smpp: false })],
  ['the safelist covers the client', (tx) => replaceSafelist(tx, { ...byId(), entries: here })],
  ['a role is added', (tx) => grantRole(tx, { ...byId(), roleId: 'user-manager' })],
]

/** How long until what was revoked has ended, in ms. */
const timeUntil = async (end: Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await end
  return performance.now() - began
}

describe('a running download', () => {
  it.each(revocations)('is broken off within a second when %s', async (_, revoke) => {
    const { ended } = await download('/admin')
    await change(revoke)
    expect(await timeUntil(ended)).toBeLessThan(1_000)
    expect(await ended).toBe('broken off')
    await expect.poll(() => open).toBe(0)
    expect(pair.gateway.core.live.has(user.id)).toBe(false)
  })

  it.each(harmless)('goes on when %s', async (_, alter) => {
    const { incoming } = await download('/admin')
    await change(alter)
    const before = octets
    await expect.poll(() => octets).toBeGreaterThan(before + 5)
    expect(pair.gateway.core.live.has(user.id)).toBe(true)
    incoming.destroy()
  })

  it('of an API key is broken off when the key is disabled', async () => {
    const key = `key-of-${user.username}-and-some-more`
    const digest = digestToken(key)
    const made = await change((tx) => createApiKey(tx, { ...byId(), name: 'key', digest }))
    const { ended } = await download('/', `App ${key}`)
    const id = 'id' in made ? made.id : ''
    await change((tx) => setApiKeyEnabled(tx, { actor, id, enabled: false }))
    expect(await timeUntil(ended)).toBeLessThan(1_000)
  })

  it('of an API key goes on when the password changes', async () => {
    const key = `key-of-${user.username}-and-some-more`
    await change((tx) => createApiKey(tx, { ...byId(), name: 'key', digest: digestToken(key) }))
    const { incoming } = await download('/', `App ${key}`)
    await change((tx) => setPassword(tx, { ...byId(), hash: user.passwordHash ?? '' }))
    const before = octets
    await expect.poll(() => octets).toBeGreaterThan(before + 5)
    incoming.destroy()
  })
})

describe('a tunnel', () => {
  it.each(revocations.slice(0, 4))(
    'is cut on both sides within a second when %s',
    async (_, revoke) => {
      const answer = await upgrade(`${pair.gateway.url}/ws`, { authorization })
      const socket = answer?.socket
      if (socket === undefined) throw new Error('no tunnel')
      const closed = Promise.all([
        once(socket.resume(), 'close'),
        once(webSockets.sockets.at(-1) ?? socket, 'close'),
      ])
      await change(revoke)
      expect(await timeUntil(closed)).toBeLessThan(1_000)
    },
  )

  it('goes on when another user is disabled', async () => {
    const answer = await upgrade(`${pair.gateway.url}/ws`, { authorization })
    const other = await pair.gateway.addUser({ username: `other-${names}` })
    await change((tx) => setUserEnabled(tx, { actor, userId: other.id, enabled: false }))
    answer?.socket?.write('still here')
    expect(String((await once(answer?.socket ?? process, 'data'))[0])).toBe('still here')
    answer?.socket?.destroy()
  })
})

it('a request that waits for its answer is refused, as any of that user from then on', async () => {
  const client = await openRawClient(pair.gateway.port)
  client.send(good('/silent').replace(alice, authorization))
  await expect.poll(() => pair.gateway.core.live.has(user.id)).toBe(true)
  await change((tx) => setUserEnabled(tx, { ...byId(), enabled: false }))
  const text = await client.until((received) => received.includes('\r\n\r\n'), 1_000)
  expect(await verdictsIn(pair, text)).toEqual([refused(401, 'user-disabled')])
  client.socket.destroy()
})

it('a password that is being compared when its user is disabled lets nobody in', async () => {
  const { hashing } = pair.gateway.core
  const { verify } = hashing
  const client = await openRawClient(pair.gateway.port)
  const compared = new Promise<void>((resolve) => {
    Object.assign(hashing, {
      verify: async (hash: string, secret: Uint8Array) => {
        const result = await verify(hash, secret)
        await change((tx) => setUserEnabled(tx, { ...byId(), enabled: false }))
        resolve()
        return result
      },
    })
  })
  client.send(good('/').replace(alice, authorization))
  await compared
  Object.assign(hashing, { verify })
  const text = await client.until((received) => received.includes('\r\n\r\n'), 2_000)
  expect(await verdictsIn(pair, text)).toEqual([refused(401, 'user-disabled')])
  client.socket.destroy()
})
