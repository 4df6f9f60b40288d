import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openRawClient } from '../support/raw-client.ts'
import { exchangeRaw, statusesIn } from '../support/raw.ts'
import {
  alice,
  attack,
  good,
  head,
  permitted,
  prime,
  refused,
  startPair,
  type Pair,
} from '../support/pair.ts'

let pair: Pair

beforeAll(async () => {
  pair = await startPair()
})
afterAll(() => pair.stop())
beforeEach(() => prime(pair))

const close = 'Connection: close'
const chunked = (body: string, fields = ''): string =>
  head('POST /a', `Authorization: ${alice}\nTransfer-Encoding: chunked${fields}`) + body
const sized = (body: string, fields = ''): string =>
  head('POST /a', `Authorization: ${alice}\nContent-Length: ${body.length}${fields}`) + body
const lastBody = (): string | undefined => pair.upstream.seen.at(-1)?.body

describe('a chunked body that is not to the letter is never taken for a whole one (F4)', () => {
  it.each([
    ['a size that is no number', 'zz\r\nabc\r\n0\r\n\r\n'],
    ['an empty size', '\r\nabc\r\n0\r\n\r\n'],
    ['a size with 0x', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a size with a plus', '+3\r\nabc\r\n0\r\n\r\n'],
    ['a size with a minus', '-3\r\nabc\r\n0\r\n\r\n'],
    ['a size with a space before', ' 3\r\nabc\r\n0\r\n\r\n'],
    ['a size with an underscore', '0_3\r\nabc\r\n0\r\n\r\n'],
    ['a size beyond all measure', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
    ['a size that wraps to 3 in 64 bits', '10000000000000003\r\nabc\r\n0\r\n\r\n'],
    ['a size line that ends in LF alone', '3\nabc\r\n0\r\n\r\n'],
    ['a size line that ends in CR alone', '3\rabc\r\n0\r\n\r\n'],
    ['a size line that ends in CR CR LF', '3\r\r\nabc\r\n0\r\n\r\n'],
    ['data that end in LF alone', '3\r\nabc\n0\r\n\r\n'],
    ['data that end in CR alone', '3\r\nabc\r0\r\n\r\n'],
    ['data longer than their size', '3\r\nabcd\r\n0\r\n\r\n'],
    ['no line break behind data', '3\r\nabc0\r\n\r\n'],
    ['a last chunk that ends in LF alone', '3\r\nabc\r\n0\n\n'],
    ['an extension with LF within', '3;a\nb\r\nabc\r\n0\r\n\r\n'],
    ['an extension with CR within', '3;a\rb\r\nabc\r\n0\r\n\r\n'],
    ['an extension with NUL', '3;\0\r\nabc\r\n0\r\n\r\n'],
    ['a size line of 100 kB', `3;${'x'.repeat(100_000)}\r\nabc\r\n0\r\n\r\n`],
    ['trailers of 100 kB', `3\r\nabc\r\n0\r\n${'x: y\r\n'.repeat(20_000)}\r\n`],
    ['a trailer with LF alone', '3\r\nabc\r\n0\r\nX-A: 1\n\r\n'],
  ])('%s', async (_, body) => {
    const { text, closed, seen } = await attack(pair, chunked(body) + good('/smuggled'))
    expect(closed).toBe(true)
    expect(seen).toEqual([])
    expect(statusesIn(text).filter((status) => status < 400)).toEqual([])
  })
})

describe('a chunked body arrives whole', () => {
  it.each([
    ['in one chunk', '3\r\nabc\r\n0\r\n\r\n', 'abc'],
    ['in several', '1\r\na\r\n2\r\nbc\r\n0\r\n\r\n', 'abc'],
    ['in none', '0\r\n\r\n', ''],
    ['with leading zeros', '0003\r\nabc\r\n000\r\n\r\n', 'abc'],
    ['in upper-case hex', `A\r\n${'x'.repeat(10)}\r\n0\r\n\r\n`, 'x'.repeat(10)],
    ['with an extension, which goes no further', '3;a="b"\r\nabc\r\n0;c\r\n\r\n', 'abc'],
    ['with trailers, which go no further', '3\r\nabc\r\n0\r\nX-Sallyport-User: eve\r\n\r\n', 'abc'],
    ['with a request within', `${good().length.toString(16)}\r\n${good()}\r\n0\r\n\r\n`, good()],
  ])('%s', async (_, body, whole) => {
    const { verdicts, seen } = await attack(pair, chunked(body, `\n${close}`))
    expect(verdicts).toEqual([permitted()])
    expect(seen).toEqual(['POST /a'])
    expect(lastBody()).toBe(whole)
    expect(pair.upstream.seen.at(-1)?.fields['x-sallyport-user']).toBe('alice')
  })

  it('however it is split', async () => {
    const octets = chunked('3;x\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n', `\n${close}`)
    for (const size of [1, 2, 7]) {
      const pieces = octets.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
      expect((await attack(pair, pieces)).verdicts).toEqual([permitted()])
      expect(lastBody()).toBe('abcde')
    }
  })
})

describe('requests in one piece (pipelined)', () => {
  it('are each decided and answered, in their order', async () => {
    const bob = good('/3').replace(alice, 'Basic Ym9iOndyb25n')
    const octets = good('/1') + sized('body of 2') + bob + good('/4', close)
    const { verdicts, seen } = await attack(pair, octets)
    expect(verdicts).toEqual([permitted(), permitted(), refused(401, 'user-unknown'), permitted()])
    expect(seen).toEqual(['GET /1', 'POST /a', 'GET /4'])
  })

  it('reach the upstream one after the other, so that their order holds', async () => {
    const paths = Array.from({ length: 50 }, (_, index) => `/${index}`)
    const octets = paths.map((path) => good(path)).join('') + good('/last', close)
    const { seen } = await attack(pair, octets)
    expect(seen).toEqual([...paths, '/last'].map((path) => `GET ${path}`))
  })

  it('go on where the pieces are cut, wherever that is', async () => {
    const octets = good('/1') + sized('two') + good('/3', close)
    for (let cut = 1; cut < octets.length; cut += 7) {
      const { seen } = await attack(pair, [octets.slice(0, cut), octets.slice(cut)])
      expect(seen).toEqual(['GET /1', 'POST /a', 'GET /3'])
    }
  })

  it('may have an empty line before them (RFC 9112 §2.2)', async () => {
    const once = (text: string): boolean => statusesIn(text).length === 1
    const { text } = await exchangeRaw(pair.gateway.port, `\r\n${good('/1')}\r\n`, once)
    expect(statusesIn(text)).toEqual([200])
    const { seen } = await attack(pair, `${good('/1')}\r\n${good('/2', close)}`)
    expect(seen).toEqual(['GET /1', 'GET /2'])
  })

  it('behind `Connection: close` are not served', async () => {
    const { verdicts, seen } = await attack(pair, good('/1', close) + good('/2'))
    expect(verdicts).toEqual([permitted()])
    expect(seen).toEqual(['GET /1'])
  })
})

describe('a client that sends on only after an answer is read on', () => {
  const second = good('/2', close)
  it.each([
    ['half of the next head', second.slice(0, 20), second.slice(20)],
    ['one octet of the next head', second.slice(0, 1), second.slice(1)],
    ['an empty line', '\r\n', second],
    ['half an empty line', '\r', `\n${second}`],
    ['a head and half of its body', sized('body', `\n${close}`).slice(0, -2), 'dy'],
    ['a head whose body is to follow', sized('body', `\n${close}`).slice(0, -4), 'body'],
  ])('where it had sent %s', async (_, early, rest) => {
    const before = pair.upstream.seen.length
    const client = await openRawClient(pair.gateway.port)
    client.send(good('/1') + early)
    await client.until((text) => statusesIn(text).length === 1)
    client.send(rest)
    expect(statusesIn(await client.closed(2_000))).toEqual([200, 200])
    expect(pair.upstream.seen.length).toBe(before + 2)
  })
})
