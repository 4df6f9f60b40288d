import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { UserRow } from '../../db/user-rows.ts'
import { statuses } from '../../gateway/smpp/constants.ts'
import { countHashes, userKeyOf } from '../support/attempts.ts'
import { basic } from '../support/gateway.ts'
import { pdu } from '../support/pdu.ts'
import { bind, refusalsOf, startSmppPair, type SmppPair } from '../support/smpp-pair.ts'
import { startUpstream, type TestUpstream } from '../support/upstream.ts'

const right = 'the-right-secret'
let pair: SmppPair
let upstream: TestUpstream
let user: UserRow
let hashes: () => number
let users = 0

beforeAll(async () => {
  upstream = await startUpstream()
  pair = await startSmppPair({ env: { HTTP_UPSTREAM: upstream.url } })
})
beforeEach(async () => {
  user = await pair.gateway.addUser({ username: `user-${++users}`, password: right })
  hashes = countHashes(pair.gateway.core).hashes
})
afterAll(async () => {
  await pair.stop()
  await upstream.stop()
})

const refused = pdu(0x80000009, 1, '', { status: statuses.ESME_RBINDFAIL })

/** The octets that a bind is answered with. */
const tryBind = async (password: string): Promise<Buffer> => {
  const { peer, octets } = await bind(pair.gateway.smppPort, { username: user.username, password })
  if (!octets.equals(refused)) peer.socket.destroy()
  else await peer.ended
  return octets
}
const call = async (password: string): Promise<number> => {
  const headers = { authorization: basic(user.username, password) }
  return (await fetch(pair.gateway.url, { headers })).status
}
const failures = async (): Promise<readonly number[]> => {
  const { core } = pair.gateway
  return (await core.attempts.state(userKeyOf(core, user.id))).map((bucket) => bucket.failures)
}

test('B1 of 200 wrong passwords at once five are verified, and the right one among them is refused', async () => {
  const connections = pair.smsc.recorded.length
  const passwords = Array.from({ length: 200 }, (_, at) => (at === 100 ? right : `wrong ${at}`))
  for (const octets of await Promise.all(passwords.map(tryBind))) expect(octets).toEqual(refused)
  expect(hashes()).toBe(5)
  expect(await failures()).toEqual([5])
  expect(await tryBind(right)).toEqual(refused)
  expect(new Set(await refusalsOf(pair.gateway, user.username))).toEqual(
    new Set(['secret-wrong', 'user-locked']),
  )
  expect(hashes()).toBe(5)
  expect(pair.smsc.recorded).toHaveLength(connections)
})

test('B1 through SMPP and HTTP together they are five as well', async () => {
  const seen = upstream.seen.length
  await Promise.all(
    Array.from({ length: 200 }, (_, at) => (at % 2 ? tryBind : call)(`wrong ${at}`)),
  )
  expect(hashes()).toBe(5)
  expect(await failures()).toEqual([5])
  expect(await call(right)).toBe(401)
  expect(await tryBind(right)).toEqual(refused)
  expect(upstream.seen).toHaveLength(seen)
})

test('B6 a wrong password through HTTP and one through SMPP share one count', async () => {
  expect(await call('wrong 1')).toBe(401)
  expect(await tryBind('wrong 2')).toEqual(refused)
  expect(await failures()).toEqual([2])
  expect(await tryBind('wrong 1')).toEqual(refused)
  expect(await failures()).toEqual([2])
  for (const at of [3, 4, 5]) await call(`wrong ${at}`)
  expect(await tryBind(right)).toEqual(refused)
})

test('B12 an ESME with an old password that comes again and again locks nobody out', async () => {
  for (let turn = 0; turn < 10; turn++)
    await Promise.all(Array.from({ length: 20 }, () => tryBind('the old one')))
  expect(hashes()).toBe(1)
  expect(await failures()).toEqual([1])
  expect((await tryBind(right)).readUInt32BE(8)).toBe(0)
})

test('C1 a name in any case is one user with one count', async () => {
  const names = [user.username, user.username.toUpperCase(), user.username.replace('u', 'U')]
  for (const [at, username] of names.entries()) {
    const { octets } = await bind(pair.gateway.smppPort, { username, password: `wrong ${at}` })
    expect(octets).toEqual(refused)
  }
  expect(await failures()).toEqual([3])
})

test('D4 names and passwords whose joints are ambiguous are not one another', async () => {
  await pair.gateway.addUser({ username: 'joint', password: 'abcdefghijkl' })
  for (const [username, password, status] of [
    ['joint', 'abcdefghijkl', 0],
    ['jointa', 'bcdefghijkl', statuses.ESME_RBINDFAIL],
    ['join', 'tabcdefghijkl', statuses.ESME_RBINDFAIL],
  ] as const) {
    const { answer, peer } = await bind(pair.gateway.smppPort, { username, password })
    expect(answer.status).toBe(status)
    peer.socket.destroy()
  }
})

test('D7 no secret that was offered stands in the logs or the metrics', async () => {
  await tryBind('planted-wrong-secret')
  await tryBind(right)
  const metrics = await (await fetch(`${pair.gateway.adminUrl}/metrics`)).text()
  const told = [...pair.gateway.logged, metrics].join('\n')
  for (const word of ['planted-wrong-secret', right]) expect(told).not.toContain(word)
  expect(metrics).not.toContain(user.username)
  expect(metrics).not.toContain('127.0.0.1')
})
