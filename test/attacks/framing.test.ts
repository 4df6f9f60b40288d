import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { alice, attack, good, head, prime, refused, startPair, type Pair } from '../support/pair.ts'

let pair: Pair

beforeAll(async () => {
  pair = await startPair()
})
afterAll(() => pair.stop())
beforeEach(() => prime(pair))

/** A POST of alice with those fields, and octets behind its head. */
const post = (fields: string, body = '', line = 'POST /a'): string =>
  head(line, `Authorization: ${alice}\n${fields}`) + body
const chunks = '3\r\nabc\r\n0\r\n\r\n'
const http10 = (text: string): string => text.replace('HTTP/1.1', 'HTTP/1.0')

describe('a request whose end can be read in two ways is refused, and nothing behind it is served (F4)', () => {
  it.each([
    ['CL with TE', post('Content-Length: 3\nTransfer-Encoding: chunked', chunks)],
    ['TE with CL', post('Transfer-Encoding: chunked\nContent-Length: 3', chunks)],
    ['CL of zero with TE', post('Content-Length: 0\nTransfer-Encoding: chunked', chunks)],
    ['TE twice', post('Transfer-Encoding: chunked\nTransfer-Encoding: chunked', chunks)],
    [
      'TE twice, one of them identity',
      post('Transfer-Encoding: identity\nTransfer-Encoding: chunked', chunks),
    ],
    ['TE with a space before the colon', post('Transfer-Encoding : chunked', chunks)],
    ['TE with a tab before the colon', post('Transfer-Encoding\t: chunked', chunks)],
    ['xchunked', post('Transfer-Encoding: xchunked', chunks)],
    ['chunkedx', post('Transfer-Encoding: chunkedx', chunks)],
    ['quoted', post('Transfer-Encoding: "chunked"', chunks)],
    ['chunked with a parameter', post('Transfer-Encoding: chunked;q=1', chunks)],
    ['identity', post('Transfer-Encoding: identity', chunks)],
    ['an empty TE', post('Transfer-Encoding:', chunks)],
    ['gzip, chunked', post('Transfer-Encoding: gzip, chunked', chunks)],
    ['chunked, identity', post('Transfer-Encoding: chunked, identity', chunks)],
    ['chunked, chunked', post('Transfer-Encoding: chunked, chunked', chunks)],
    ['a comma before chunked', post('Transfer-Encoding: ,chunked', chunks)],
    ['a vertical tab before chunked', post('Transfer-Encoding: \vchunked', chunks)],
    ['TE folded', post('Transfer-Encoding:\n chunked', chunks)],
    [
      'HTTP/1.0 with TE',
      http10(post('Connection: keep-alive\nTransfer-Encoding: chunked', chunks)),
    ],
    ['a folded field', post('X-A: 1\n 2')],
    ['a folded field with a tab', post('X-A: 1\n\t2')],
    ['a first line that is folded', post(' X-A: 1')],
    ['bare LF', post('X-A: 1').replaceAll('\r\n', '\n')],
    ['bare LF within', post('X-A: 1').replace('X-A: 1\r', 'X-A: 1')],
    ['bare LF at the end', post('X-A: 1').replace(/\r\n\r\n$/, '\r\n\n')],
    ['bare CR', post('X-A: 1\rX-B: 2')],
    ['bare CR at the end of a line', post('X-A: 1\r')],
    ['NUL in a value', post('X-A: \0')],
    ['a control in a value', post('X-A: \u0001')],
    ['NUL in a name', post('X\0A: 1')],
    ['a name with a space', post('X A: 1')],
    ['no name', post(': 1')],
    ['no colon', post('X-A')],
    ['a name that is not ASCII', post('X-\u00e4: 1')],
    ['CL with a plus', post('Content-Length: +4', 'abcd')],
    ['CL with a minus', post('Content-Length: -1', 'abcd')],
    ['CL with a list', post('Content-Length: 4, 5', 'abcd')],
    ['CL with a list of one and the same', post('Content-Length: 4, 4', 'abcd')],
    ['CL twice, different', post('Content-Length: 4\nContent-Length: 5', 'abcd')],
    ['CL twice, the same', post('Content-Length: 4\nContent-Length: 4', 'abcd')],
    ['CL in hex', post('Content-Length: 0x4', 'abcd')],
    ['CL with a point', post('Content-Length: 4.0', 'abcd')],
    ['CL with an exponent', post('Content-Length: 4e0', 'abcd')],
    ['CL with an underscore', post('Content-Length: 1_0', 'abcd')],
    ['CL with a space within', post('Content-Length: 4 0', 'abcd')],
    ['CL with a space before the colon', post('Content-Length : 4', 'abcd')],
    ['an empty CL', post('Content-Length:', 'abcd')],
    ['CL beyond all measure', post('Content-Length: 99999999999999999999', 'abcd')],
    ['CL with digits of another script', post('Content-Length: \u00b2', 'abcd')],
    ['two spaces in the request line', post('X-A: 1', '', 'POST  /a')],
    ['a tab in the request line', post('X-A: 1', '', 'POST\t/a')],
    ['a space in the target', post('X-A: 1', '', 'POST /a b')],
    ['no target', post('X-A: 1', '', 'POST')],
    ['a method that is no token', post('X-A: 1', '', 'P(ST /a')],
    ['HTTP/1.2', post('X-A: 1').replace('HTTP/1.1', 'HTTP/1.2')],
    ['HTTP/2.0', post('X-A: 1').replace('HTTP/1.1', 'HTTP/2.0')],
    ['HTTP/1.10', post('X-A: 1').replace('HTTP/1.1', 'HTTP/1.10')],
    ['http/1.1', post('X-A: 1').replace('HTTP/1.1', 'http/1.1')],
    ['HTTP/0.9', 'GET /a\r\n\r\n'],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
    ['a space before the request', ` ${post('X-A: 1')}`],
  ])('%s', async (_, octets) => {
    const { verdicts, seen, closed } = await attack(pair, octets + good('/smuggled'))
    expect(verdicts).toEqual([refused(400, 'request-malformed')])
    expect(seen).toEqual([])
    expect(closed).toBe(true)
  })

  it.each([
    ['a bad path (F2)', head('GET /a%zz'), 400, 'request-malformed'],
    ['two hosts (F3)', head('GET /a', 'Host: h'), 400, 'request-malformed'],
    ['TRACE (F7)', head('TRACE /a'), 405, 'method-not-allowed'],
    ['CONNECT (F7)', head('CONNECT h:1'), 405, 'method-not-allowed'],
  ])('behind %s neither', async (_, octets, status, reason) => {
    const { verdicts, seen, closed } = await attack(pair, octets + good('/smuggled'))
    expect(verdicts).toEqual([refused(status, reason)])
    expect(seen).toEqual([])
    expect(closed).toBe(true)
  })
})
