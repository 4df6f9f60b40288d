import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findRefusal } from '../../db/refusals.ts'
import { basic } from '../support/gateway.ts'
import { alice, attack, good, permitted, refused, startPair, type Pair } from '../support/pair.ts'
import { proxyV1, proxyV2 } from '../support/proxy-header.ts'

/** Behind a balancer that speaks the PROXY protocol; plain; and a balancer that nobody trusts. */
let behind: Pair
let plain: Pair
let strange: Pair

const users = [
  { username: 'bob', password: 'bob-secret-01', safelist: [{ range: '203.0.113.0/24' }] },
  { username: 'eve', password: 'eve-secret-01' },
]
const required = { HTTP_PROXY_PROTOCOL: 'required' }

beforeAll(async () => {
  const limits = { proxyHeaderTimeoutMs: 300 }
  behind = await startPair({
    env: { ...required, TRUSTED_PROXIES: '127.0.0.0/8' },
    file: { limits },
    users,
  })
  plain = await startPair({ users })
  strange = await startPair({ env: { ...required, TRUSTED_PROXIES: '10.0.0.0/8' }, users })
})
afterAll(async () => {
  await behind.stop()
  await plain.stop()
  await strange.stop()
})

const close = 'Connection: close'
const asBob = (fields = close): string =>
  good('/', fields).replace(alice, basic('bob', 'bob-secret-01'))
const outside = refused(401, 'source-not-safelisted')
const latin1 = (header: Buffer): string => header.toString('latin1')
const four = (...octets: number[]) =>
  latin1(proxyV2({ family: 0x11, body: Buffer.from([...octets, 10, 0, 0, 1, 1, 2, 3, 4]) }))
const octetsOf = (text: string): string[] => Array.from(text)
const from203 = latin1(proxyV1('TCP4 203.0.113.9 10.0.0.1 56324 443'))
const from198 = latin1(proxyV1('TCP4 198.51.100.9 10.0.0.1 56324 443'))

describe('the client is whom a trusted balancer names (E6)', () => {
  it.each([
    ['version 1', from203, permitted()],
    ['version 1, another client', from198, outside],
    ['version 2', four(203, 0, 113, 9), permitted()],
    ['version 2, another client', four(198, 51, 100, 9), outside],
    [
      'LOCAL, where the balancer speaks for itself',
      latin1(proxyV2({ command: 0x20, family: 0, body: Buffer.alloc(0) })),
      outside,
    ],
    ['UNKNOWN, likewise', latin1(proxyV1('UNKNOWN')), outside],
  ])('%s', async (_, header, verdict) => {
    expect((await attack(behind, header + asBob())).verdicts).toEqual([verdict])
    expect((await attack(behind, [...octetsOf(header), asBob()])).verdicts).toEqual([verdict])
    expect((await attack(behind, octetsOf(header + asBob()))).verdicts).toEqual([verdict])
  })

  it('and X-Forwarded-For from that client is not believed', async () => {
    const spoofed = asBob(`X-Forwarded-For: 203.0.113.7\n${close}`)
    expect((await attack(behind, from198 + spoofed)).verdicts).toEqual([outside])
    await attack(behind, from203 + spoofed)
    expect(behind.upstream.seen.at(-1)?.fields['x-forwarded-for']).toBe('203.0.113.9')
  })

  it('for every request on the connection', async () => {
    const octets = from203 + asBob('X-A: 1') + asBob('X-A: 2') + asBob()
    expect((await attack(behind, octets)).verdicts).toEqual([permitted(), permitted(), permitted()])
  })

  it('and in the audit', async () => {
    const { text } = await attack(behind, from198 + asBob())
    const id = /x-sallyport-decision: (\S+)/.exec(text)?.[1] ?? ''
    expect((await findRefusal(behind.gateway.core.database, id))?.event.source).toBe('198.51.100.9')
  })
})

describe('a connection is closed without a word where the header (E6)', () => {
  it.each([
    ['is missing', good('/', close)],
    ['is truncated', from203.slice(0, 20)],
    ['is followed by nothing in time', 'PROXY '],
    ['is oversize', `PROXY UNKNOWN ${'x'.repeat(1_000)}\r\n${good('/', close)}`],
    [
      'is oversize by its own word',
      latin1(proxyV2({ family: 0x11, body: Buffer.alloc(12), length: 60_000 })),
    ],
    ['ends in LF', from203.replace('\r\n', '\n') + good('/', close)],
    [
      'has an address that is none',
      latin1(proxyV1('TCP4 203.0.113.999 10.0.0.1 1 2')) + good('/', close),
    ],
    ['has an address of another family', latin1(proxyV1('TCP4 ::1 ::1 1 2')) + good('/', close)],
    [
      'is of version 3',
      latin1(proxyV2({ command: 0x31, family: 0x11, body: Buffer.alloc(12) })) + good('/', close),
    ],
    [
      'is of a datagram',
      latin1(proxyV2({ family: 0x12, body: Buffer.alloc(12) })) + good('/', close),
    ],
    ['is in lower case', from203.toLowerCase() + good('/', close)],
    ['comes second', `\r\n${from203}${good('/', close)}`],
  ])('%s', async (_, octets) => {
    const { text, seen } = await attack(behind, octets)
    expect(text).toBe('')
    expect(seen).toEqual([])
  })

  it('comes from a peer that is not trusted', async () => {
    expect((await attack(strange, from203 + good('/', close))).text).toBe('')
    expect(strange.upstream.seen).toEqual([])
  })

  it('comes twice: the second is no request', async () => {
    const { verdicts, seen } = await attack(behind, from203 + from198 + good('/', close))
    expect(verdicts).toEqual([refused(400, 'request-malformed')])
    expect(seen).toEqual([])
  })
})

it.each([
  ['of version 1', from203],
  ['of version 2', four(203, 0, 113, 9)],
])('a header %s on a plain listener is no request (E6)', async (_, header) => {
  const { verdicts, seen } = await attack(plain, header + asBob())
  expect(verdicts).toEqual([refused(400, 'request-malformed')])
  expect(seen).toEqual([])
})

it("a user who is locked behind a balancer is locked, and the balancer's own address is not (E6)", async () => {
  const tried = (header: string, password: string) =>
    attack(behind, header + good('/', close).replace(alice, basic('eve', password)))
  expect((await tried(from203, 'eve-secret-01')).verdicts).toEqual([permitted()])
  for (let i = 0; i < 5; i++) await tried(from203, `wrong ${i}`)
  expect((await tried(from203, 'eve-secret-01')).verdicts).toEqual([refused(401, 'user-locked')])
  expect((await tried(from198, 'eve-secret-01')).verdicts).toEqual([permitted()])
  expect((await attack(behind, from203 + good('/', close))).verdicts).toEqual([permitted()])
})
