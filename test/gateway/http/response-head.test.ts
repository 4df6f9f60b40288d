import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseResponseHead, type ResponseHead } from '../../../gateway/http/response-head.ts'

const parse = (
  fields: string,
  method = 'GET',
  line = 'HTTP/1.1 200 OK',
): ResponseHead | undefined =>
  parseResponseHead(
    [line, ...(fields === '' ? [] : [fields])].join('\n').replaceAll('\n', '\r\n'),
    method,
  )

describe('a status line', () => {
  it.each([
    ['HTTP/1.1 200 OK', 200, 'OK'],
    ['HTTP/1.1 200 ', 200, ''],
    ['HTTP/1.1 200', 200, ''],
    ['HTTP/1.0 404 Not here', 404, 'Not here'],
    ['HTTP/1.1 599 caf\xc3\xa9\t!', 599, 'caf\xc3\xa9\t!'],
    ['HTTP/1.1 999 x', 999, 'x'],
  ])('%j', (line, status, reason) => {
    expect(parse('', 'GET', line)).toMatchObject({ status, reason, framing: 'until-close' })
  })

  it.each([
    '',
    'HTTP/1.1',
    'HTTP/1.1 ',
    'HTTP/1.1 20',
    'HTTP/1.1 2000',
    'HTTP/1.1 020 x',
    'HTTP/1.1 2x0 x',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200 a\0b',
    'HTTP/1.1 200 a\rb',
    'HTTP/1.1 200 a\nb',
    'HTTP/2 200 OK',
    'HTTP/1.2 200 OK',
    'http/1.1 200 OK',
    ' HTTP/1.1 200 OK',
    'ICY 200 OK',
    'GET / HTTP/1.1',
  ])('is none: %j', (line) => {
    expect(parse('', 'GET', line)).toBeUndefined()
  })
})

describe('the end of a body is known (RFC 9112 §6.3)', () => {
  it.each([
    ['by its length', 'Content-Length: 5', 'GET', 5],
    ['by its length, said twice', 'Content-Length: 5\nContent-Length: 5', 'GET', 5],
    ['by its length of zero', 'Content-Length: 0', 'GET', 0],
    ['by its length with blanks around', 'Content-Length: \t 5 ', 'GET', 5],
    ['by chunks', 'Transfer-Encoding: chunked', 'GET', 'chunked'],
    ['by chunks, in capitals', 'TRANSFER-ENCODING: Chunked', 'GET', 'chunked'],
    ['by the close', 'X-A: 1', 'GET', 'until-close'],
    ['at once after HEAD', 'Content-Length: 5', 'HEAD', 0],
    ['at once after HEAD, chunked', 'Transfer-Encoding: chunked', 'HEAD', 0],
    ['at once after HEAD, without a word', 'X-A: 1', 'HEAD', 0],
  ])('%s', (_, fields, method, framing) => {
    expect(parse(fields, method)?.framing).toBe(framing)
  })

  it.each([204, 304, 100, 103])('at once with status %d', (status) => {
    const line = `HTTP/1.1 ${status} x`
    for (const fields of ['', 'Content-Length: 5', 'Transfer-Encoding: chunked'])
      expect(parse(fields, 'GET', line)?.framing).toBe(0)
  })

  it.each([
    ['two lengths', 'Content-Length: 5\nContent-Length: 6'],
    ['two lengths in one line', 'Content-Length: 5, 6'],
    ['one length twice in one line', 'Content-Length: 5, 5'],
    ['a length with a sign', 'Content-Length: +5'],
    ['a negative length', 'Content-Length: -5'],
    ['a length in hex', 'Content-Length: 0x5'],
    ['an empty length', 'Content-Length:'],
    ['a length and a blank that is none', 'Content-Length: 5\xa0'],
    ['a length beyond all measure', 'Content-Length: 99999999999999999999'],
    ['a length and chunks', 'Content-Length: 5\nTransfer-Encoding: chunked'],
    ['chunks and a length', 'Transfer-Encoding: chunked\nContent-Length: 5'],
    ['gzip', 'Transfer-Encoding: gzip'],
    ['gzip, chunked', 'Transfer-Encoding: gzip, chunked'],
    ['chunks twice', 'Transfer-Encoding: chunked\nTransfer-Encoding: chunked'],
    ['identity', 'Transfer-Encoding: identity'],
    ['an empty coding', 'Transfer-Encoding:'],
    ['a coding behind a blank that is none', 'Transfer-Encoding: \xa0chunked'],
  ])('and where it is not, the head is none: %s', (_, fields) => {
    for (const method of ['GET', 'HEAD']) expect(parse(fields, method)).toBeUndefined()
  })
})

describe('fields', () => {
  it.each([
    ['no colon', 'X-A'],
    ['no name', ': 1'],
    ['a blank before the colon', 'X-A : 1'],
    ['a blank in the name', 'X A: 1'],
    ['a folded line', 'X-A: 1\n 2'],
    ['a folded first line', ' X-A: 1'],
    ['NUL', 'X-A: a\0b'],
    ['a control', 'X-A: a\x1bb'],
    ['CR alone', 'X-A: a\rX-B: b'],
    ['an empty line', 'X-A: 1\n\nX-B: 2'],
  ])('to the letter or not at all: %s', (_, fields) => {
    expect(parse(fields)).toBeUndefined()
  })

  it('with LF alone are none, which would be two fields elsewhere', () => {
    expect(parseResponseHead('HTTP/1.1 200 OK\r\nX-A: 1\nX-B: 2', 'GET')).toBeUndefined()
  })

  it.each([
    [
      'as they came',
      'X-A:1\nx-b:  two \nX-A: caf\xc3\xa9',
      'X-A:1\r\nx-b:  two \r\nX-A: caf\xc3\xa9\r\n',
    ],
    ['with several cookies', 'Set-Cookie: a\nSet-Cookie: b', 'Set-Cookie: a\r\nSet-Cookie: b\r\n'],
    [
      'without what is hop by hop',
      'Connection: close\nKeep-Alive: x\nUpgrade: x\nTE: x\nTrailer: x\nProxy-Authenticate: x\nX-A: 1',
      'X-A: 1\r\n',
    ],
    ['without what Connection names', 'X-A: 1\nConnection: x-a, close\nX-B: 2', 'X-B: 2\r\n'],
    [
      'without the coding, which is ours to choose',
      'Transfer-Encoding: chunked\nX-A: 1',
      'X-A: 1\r\n',
    ],
    [
      'without what poses as ours',
      'X-Sallyport-Decision: x\nX-SALLYPORT-User: y\nX-A: 1',
      'X-A: 1\r\n',
    ],
    ['with one length of two', 'Content-Length: 5\nContent-Length: 5', 'Content-Length: 5\r\n'],
    [
      'with the length that Connection names',
      'Connection: content-length\nContent-Length: 5',
      'Content-Length: 5\r\n',
    ],
  ])('go on %s', (_, fields, lines) => {
    expect(parse(fields)?.lines).toBe(lines)
  })

  it('tell whether there is a date', () => {
    expect(parse('date: x')?.hasDate).toBe(true)
    expect(parse('X-Date: x')?.hasDate).toBe(false)
  })

  it('have no length where there is nothing to measure: 1xx and 204 (RFC 9110 §8.6)', () => {
    for (const status of [103, 204])
      expect(parse('Content-Length: 5\nX-A: 1', 'GET', `HTTP/1.1 ${status} x`)?.lines).toBe(
        'X-A: 1\r\n',
      )
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 304],
    ] as const)
      expect(parse('Content-Length: 5', method, `HTTP/1.1 ${status} x`)?.lines).toBe(
        'Content-Length: 5\r\n',
      )
  })
})

describe('the connection is kept', () => {
  it.each([
    ['by default', 'HTTP/1.1', 'Content-Length: 5', true],
    ['unless it closes', 'HTTP/1.1', 'Content-Length: 5\nConnection: close', false],
    [
      'unless it closes, among others',
      'HTTP/1.1',
      'Content-Length: 5\nConnection: x-a, CLOSE',
      false,
    ],
    [
      'unless it closes, in a second line',
      'HTTP/1.1',
      'Content-Length: 5\nConnection: x-a\nConnection: close',
      false,
    ],
    ['unless its close is the end of the body', 'HTTP/1.1', 'Connection: keep-alive', false],
    ['not by default in HTTP/1.0', 'HTTP/1.0', 'Content-Length: 5', false],
    ['in HTTP/1.0 if it says so', 'HTTP/1.0', 'Content-Length: 5\nConnection: keep-alive', true],
    [
      'not in HTTP/1.0 with chunks, which it does not know',
      'HTTP/1.0',
      'Transfer-Encoding: chunked\nConnection: keep-alive',
      false,
    ],
  ])('%s', (_, version, fields, keepAlive) => {
    expect(parse(fields, 'GET', `${version} 200 OK`)?.keepAlive).toBe(keepAlive)
  })

  it.each([
    ['timeout=5', 5],
    ['timeout=5, max=100', 5],
    ['max=100, timeout=15', 15],
    ['Timeout=7', 7],
    ['max=100', undefined],
    ['timeout=x', undefined],
  ])('for as long as it says: %s', (value, idleSeconds) => {
    expect(parse(`Keep-Alive: ${value}`)?.idleSeconds).toBe(idleSeconds)
  })
})

describe('whatever octets come', () => {
  const octet = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code))
  const value = fc.string({ unit: octet, maxLength: 30 })
  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}$/)

  it('a head that is garbage never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: octet, maxLength: 120 }), (text) => {
        parseResponseHead(text, 'GET')
        parseResponseHead(`HTTP/1.1 200 OK\r\n${text}`, 'GET')
      }),
      { numRuns: 5_000 },
    )
  })

  it('lines that go on hold no more fields than there were, and none of ours', () => {
    const field = fc.tuple(token, value).map(([name, text]) => `${name}:${text}`)
    fc.assert(
      fc.property(fc.array(field, { maxLength: 6 }), (fields) => {
        const lines = parse(fields.join('\r\n'))?.lines
        if (lines === undefined) return
        const names = lines.split('\r\n').slice(0, -1)
        expect(names.length).toBeLessThanOrEqual(fields.length)
        expect(lines.replaceAll('\r\n', '')).not.toMatch(/[\r\n\0]/)
        for (const line of names) expect(fields).toContain(line)
      }),
      { numRuns: 5_000 },
    )
  })
})
