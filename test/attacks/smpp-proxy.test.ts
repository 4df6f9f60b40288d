import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GENERIC_NACK, statuses } from '../../gateway/smpp/constants.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import { proxyV1, proxyV2 } from '../support/proxy-header.ts'
import { connectPeer, type RawPeer } from '../support/raw-peer.ts'
import { bindPdu, startSmppPair, type SmppPair } from '../support/smpp-pair.ts'

const BUDGET = 20

let pair: SmppPair
/** The same, but the balancer's address is not among those that are trusted. */
let distrusting: SmppPair

const bob = { username: 'bob', password: 'bob-secret-01' }
const users = [{ ...bob, safelist: [{ range: '203.0.113.0/24' }, { range: '2001:db8::/32' }] }]

beforeAll(async () => {
  pair = await startSmppPair({
    env: { SMPP_PROXY_PROTOCOL: 'required', TRUSTED_PROXIES: '127.0.0.0/8' },
    file: { limits: { proxyHeaderTimeoutMs: 1_500 }, sourceBudget: { limit: BUDGET } },
    users,
  })
  distrusting = await startSmppPair({
    env: { SMPP_PROXY_PROTOCOL: 'required', TRUSTED_PROXIES: '10.0.0.0/8' },
    users,
  })
})
afterAll(async () => {
  await pair.stop()
  await distrusting.stop()
})

const office = '203.0.113.7'
const v1 = (from: string): Buffer => proxyV1(`TCP4 ${from} 10.0.0.1 40000 2775`)
const v6 = proxyV1('TCP6 2001:db8::7 2001:db8::1 40000 2775')
const addresses = Buffer.from([203, 0, 113, 7, 10, 0, 0, 1, 0x9c, 0x40, 0x0a, 0xd7])
const v2 = proxyV2({ family: 0x11, body: addresses })
const local = proxyV2({ command: 0x20, family: 0, body: Buffer.alloc(0) })
const longV2 = proxyV2({ family: 0x11, body: Buffer.concat([addresses, Buffer.alloc(60_000)]) })

const open = async (of: SmppPair, ...parts: readonly Buffer[]): Promise<RawPeer> => {
  const peer = await connectPeer(of.gateway.smppPort)
  for (const part of parts) {
    peer.send(part)
    await new Promise(setImmediate)
  }
  return peer
}

/** The status of the answer to a bind behind these octets; undefined: closed without a word. */
const statusAfter = async (
  before: readonly Buffer[],
  as: Parameters<typeof bindPdu>[0] = {},
  of = pair,
): Promise<number | undefined> => {
  const peer = await open(of, ...before, bindPdu(as))
  const answer = await peer.next().catch(() => undefined)
  const status = answer && readPdu(answer).status
  if (status !== 0) await peer.ended
  peer.socket.destroy()
  return status
}

const bytewise = (bytes: Buffer): Buffer[] => Array.from(bytes, (byte) => Buffer.of(byte))

describe('E6 a bind behind a PROXY header comes from where that says', () => {
  test.each([
    ['version 1', [v1(office)]],
    ['version 1 over IPv6', [v6]],
    ['version 2', [v2]],
    ['version 1, octet by octet', bytewise(v1(office))],
    ['version 2, octet by octet', bytewise(v2)],
  ])('%s', async (_, header) => {
    expect(await statusAfter(header, bob)).toBe(0)
  })

  test.each([
    ['another source', [v1('198.51.100.9')]],
    ['LOCAL, the balancer itself', [local]],
    ['UNKNOWN, the balancer itself', [proxyV1('UNKNOWN')]],
  ])('%s: refused like any other', async (_, header) => {
    expect(await statusAfter(header, bob)).toBe(statuses.ESME_RBINDFAIL)
    expect(await statusAfter(header)).toBe(0)
  })
})

describe('E6 what has no header that can be believed is closed without a word', () => {
  test.each([
    ['none', []],
    ['one without its line end', [v1(office).subarray(0, -2)]],
    [
      'one of version 1 that is too long',
      [proxyV1(`TCP4 ${office} 10.0.0.1 1 2${' '.repeat(90)}`)],
    ],
    ['one of version 2 that is too long', [longV2]],
    ['one with an odd address', [v1('0203.0.113.7')]],
    ['one with a name', [v1('localhost')]],
    ['one over UDP', [proxyV2({ family: 0x12, body: addresses })]],
    ['one of version 3', [proxyV2({ command: 0x31, family: 0x11, body: addresses })]],
  ])('%s', async (_, header) => {
    expect(await statusAfter(header)).toBeUndefined()
  })

  test.each([
    ['version 1', v1(office).subarray(0, 20)],
    ['version 2', v2.subarray(0, 20)],
    ['nothing at all', Buffer.alloc(0)],
  ])('one that is cut, at its deadline and at its end: %s', async (_, header) => {
    const [waiting, ending] = [await open(pair, header), await open(pair, header)]
    ending.socket.end()
    for (const peer of [waiting, ending]) {
      await peer.ended
      expect(peer.untaken()).toHaveLength(0)
    }
  })

  test('one of a peer that is not trusted', async () => {
    expect(await statusAfter([v1(office)], bob, distrusting)).toBeUndefined()
    expect(await statusAfter([local], {}, distrusting)).toBeUndefined()
  })

  test('a second one is no PDU', async () => {
    const peer = await open(pair, v1('198.51.100.9'), v1(office), bindPdu(bob))
    await peer.ended
    const nack = pdu(GENERIC_NACK, 0, '', { status: statuses.ESME_RINVCMDLEN })
    expect(peer.untaken()).toEqual(nack)
  })
})

test('A1 an IPv4 client of a dual-stack listener is one of its IPv4 safelist', async () => {
  const dual = await startSmppPair({
    env: { SMPP_LISTEN: '[::]:0' },
    users: [
      { ...bob, safelist: [{ range: '127.0.0.0/8' }] },
      { username: 'carol', password: 'carol-secret-1', safelist: [{ range: '::1' }] },
    ],
  })
  expect(await statusAfter([], bob, dual)).toBe(0)
  const carol = { username: 'carol', password: 'carol-secret-1' }
  expect(await statusAfter([], carol, dual)).toBe(statuses.ESME_RBINDFAIL)
  await dual.stop()
})

test('E6 nothing that comes through it locks the balancer, and a source locks itself alone', async () => {
  const attacker = '198.51.100.66'
  for (let at = 0; at < BUDGET; at++) {
    const as = { username: `nobody-${at}`, password: 'guess' }
    expect(await statusAfter([v1(attacker)], as)).toBe(statuses.ESME_RBINDFAIL)
  }
  expect(await statusAfter([v1(attacker)])).toBe(statuses.ESME_RTHROTTLED)
  const { sourceBlockedUntil } = pair.gateway.core.attempts
  // Headers that cannot be read, and health checks that end without a bind.
  for (let at = 0; at < 2 * BUDGET; at++) {
    const peers = [await open(pair, proxyV1('TCP4 x')), await open(pair, local)]
    for (const { socket } of peers) socket.destroy()
  }
  expect(sourceBlockedUntil('127.0.0.1')).toBeUndefined()
  expect(await statusAfter([v1('198.51.100.67')])).toBe(0)
  expect(await statusAfter([local])).toBe(0)
})

/**
 * A connection that speaks for the proxy itself is decided as one from the proxy's own address (PROXY
 * protocol §2): its wrong passwords count against the user, as anyone's do, and never against that.
 */
test('E6 wrong passwords of the balancer itself lock neither its address nor anyone else', async () => {
  const { sourceBlockedUntil } = pair.gateway.core.attempts
  const carol = { username: 'carol', password: 'carol-secret-1' }
  await pair.gateway.addUser(carol)
  for (let at = 0; at < 2 * BUDGET; at++)
    for (const as of [
      { username: 'carol', password: 'what-a-check-says' },
      { username: 'carol', password: `guess-${at}` },
      { username: `nobody-${at}`, password: 'guess' },
    ])
      expect(await statusAfter([local], as)).toBe(statuses.ESME_RBINDFAIL)
  expect(sourceBlockedUntil('127.0.0.1')).toBeUndefined()
  // Guesses at a user end for that user, wherever they come from.
  expect(await statusAfter([local], carol)).toBe(statuses.ESME_RBINDFAIL)
  expect(await statusAfter([local])).toBe(0)
  expect(await statusAfter([v1('198.51.100.68')])).toBe(0)
})

test('E6 a check of the balancer that always says the same wrong password locks nobody', async () => {
  const erin = { username: 'erin', password: 'erin-secret-01' }
  await pair.gateway.addUser(erin)
  for (let at = 0; at < 10; at++)
    expect(await statusAfter([local], { ...erin, password: 'what-a-check-says' })).toBe(
      statuses.ESME_RBINDFAIL,
    )
  expect(await statusAfter([local], erin)).toBe(0)
  expect(await statusAfter([v1('198.51.100.68')], erin)).toBe(0)
})
