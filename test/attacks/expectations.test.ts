import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openRawClient } from '../support/raw-client.ts'
import { statusesIn } from '../support/raw.ts'
import {
  alice,
  attack,
  good,
  head,
  permitted,
  prime,
  refused,
  startPair,
  verdictsIn,
  type Pair,
} from '../support/pair.ts'

let pair: Pair

beforeAll(async () => {
  pair = await startPair()
})
afterAll(() => pair.stop())
beforeEach(() => prime(pair))

const close = 'Connection: close'
const expecting = (fields: string): string =>
  head('POST /a', `Authorization: ${alice}\nExpect: 100-continue\n${fields}`)

describe('what a client expects or connects with never becomes a 502 (F9)', () => {
  it.each([
    ['an expectation that nobody knows', 'Expect: miracles'],
    ['two of them', 'Expect: miracles\nExpect: 100-continue'],
    ['an empty one', 'Expect:'],
    ['100-continue without a body', 'Expect: 100-continue'],
    ['a connection option that nobody knows', 'Connection: miracles, close'],
    ['an empty Connection', 'Connection:'],
    ['commas alone', 'Connection: ,,,'],
    ['ten thousand options', `Connection: ${'x,'.repeat(7_000)}close`],
    ['TE and Trailer', 'TE: trailers\nTrailer: X-A'],
    ['Keep-Alive', 'Keep-Alive: timeout=0, max=0'],
    ['Proxy-Connection', 'Proxy-Connection: keep-alive'],
    [
      'an upgrade to HTTP/2',
      'Connection: Upgrade, HTTP2-Settings, close\nUpgrade: h2c\nHTTP2-Settings: AAMAAABk',
    ],
    ['an upgrade to what nobody knows', 'Connection: Upgrade, close\nUpgrade: miracles'],
    ['an upgrade to WebSocket or more', 'Connection: Upgrade, close\nUpgrade: websocket, h2c'],
    ['an upgrade that Connection does not name', 'Connection: close\nUpgrade: websocket'],
    ['a field of 15 kB', `X-A: ${'a'.repeat(15_000)}\n${close}`],
    ['many fields', `${'X-A: 1\n'.repeat(900)}${close}`],
    [
      'every octet that a value may have',
      `X-A: ${Array.from({ length: 128 }, (_, i) => String.fromCharCode(i + 128)).join('')}\n${close}`,
    ],
  ])('%s', async (_, fields) => {
    const octets = good('/', fields) + (fields.includes('close') ? '' : good('/', close))
    const { verdicts } = await attack(pair, octets)
    expect(new Set(verdicts.map(({ status }) => status))).toEqual(new Set([200]))
    const seen = pair.upstream.seen.at(-1)?.fields ?? {}
    for (const name of ['expect', 'te', 'trailer', 'upgrade', 'http2-settings', 'proxy-connection'])
      expect(seen).not.toHaveProperty(name)
  })

  it('a value goes on octet for octet, but for the blanks around it', async () => {
    // The last octet of `Citt\u00e0` in UTF-8 is a blank to those who read it as text.
    const value = Buffer.from('Citt\u00e0').toString('latin1')
    await attack(pair, good('/', `X-A: \t ${value}\t \nX-B:\x85${value}\n${close}`))
    expect(pair.upstream.seen.at(-1)?.fields).toMatchObject({ 'x-a': value, 'x-b': `\x85${value}` })
  })

  it('a head beyond the limit is 431, and nothing behind it is served', async () => {
    const { verdicts, seen, closed } = await attack(
      pair,
      good('/', `X-A: ${'a'.repeat(20_000)}`) + good('/smuggled'),
    )
    expect(verdicts).toEqual([refused(431, 'header-fields-too-large')])
    expect(seen).toEqual([])
    expect(closed).toBe(true)
  })

  it('a head that never ends is 431 too', async () => {
    const { verdicts } = await attack(pair, `GET / HTTP/1.1\r\nX-A: ${'a'.repeat(10_000_000)}`)
    expect(verdicts).toEqual([refused(431, 'header-fields-too-large')])
  })
})

describe('a client that waits for 100 Continue', () => {
  it('gets it before its body goes up', async () => {
    const client = await openRawClient(pair.gateway.port)
    client.send(expecting(`Content-Length: 4\n${close}`))
    await client.until((text) => text.startsWith('HTTP/1.1 100 '))
    client.send('body')
    const text = await client.closed()
    expect(statusesIn(text)).toEqual([100, 200])
    expect(pair.upstream.seen.at(-1)?.body).toBe('body')
  })

  it('may send its body without waiting', async () => {
    const { text, verdicts } = await attack(pair, `${expecting(`Content-Length: 4\n${close}`)}body`)
    expect(verdicts).toEqual([permitted()])
    expect(statusesIn(text).filter((status) => status !== 100)).toEqual([200])
  })

  it('and is refused hears so at once, and that its body is not read: what follows is no request', async () => {
    const before = pair.upstream.seen.length
    const client = await openRawClient(pair.gateway.port)
    const stranger = head('POST /a', `Content-Length: ${good().length}\nExpect: 100-continue`)
    client.send(stranger)
    await client.until((text) => text.includes('\r\n\r\n'))
    expect(client.text()).toMatch(/\r\nConnection: close\r\n/i)
    client.send(good('/smuggled'))
    expect(await verdictsIn(pair, await client.closed())).toEqual([
      refused(401, 'credential-absent'),
    ])
    expect(pair.upstream.seen.length).toBe(before)
  })
})
