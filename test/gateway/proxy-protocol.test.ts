import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readProxyHeader } from '../../gateway/proxy-protocol.ts'
import { proxyV1, proxyV2 } from '../support/proxy-header.ts'

const read = (bytes: Buffer | string) => {
  const reading = readProxyHeader(Buffer.from(bytes))
  if ('fault' in reading) return 'fault'
  if ('need' in reading) return 'more'
  return { source: reading.header.source?.text, length: reading.header.length }
}
const tcp4 = proxyV1('TCP4 203.0.113.9 10.0.0.1 56324 443')
const v2OfIPv4 = proxyV2({
  family: 0x11,
  body: Buffer.from([203, 0, 113, 9, 10, 0, 0, 1, 1, 2, 3, 4]),
})
const sixteen = (text: string) => Buffer.from(text, 'hex')
const v2OfIPv6 = proxyV2({
  family: 0x21,
  body: Buffer.concat([
    sixteen('20010db8000000000000000000000007'),
    sixteen('20010db8000000000000000000000001'),
    Buffer.from([1, 2, 3, 4]),
  ]),
})
const v2OfMapped = proxyV2({
  family: 0x21,
  body: Buffer.concat([sixteen('00000000000000000000ffffcb007109'), Buffer.alloc(20)]),
})

describe('a header of version 1', () => {
  it.each([
    ['IPv4', tcp4, '203.0.113.9'],
    ['IPv6', proxyV1('TCP6 2001:DB8::7 2001:db8::1 1 65535'), '2001:db8::7'],
    ['mapped IPv4, which is IPv4', proxyV1('TCP6 ::ffff:203.0.113.9 ::1 1 2'), '203.0.113.9'],
    ['port zero', proxyV1('TCP4 203.0.113.9 10.0.0.1 0 0'), '203.0.113.9'],
    ['UNKNOWN', proxyV1('UNKNOWN'), undefined],
    ['UNKNOWN with anything', proxyV1('UNKNOWN ffff:f...f ::1 65535 65535'), undefined],
    ['107 bytes', proxyV1(`UNKNOWN ${'x'.repeat(107 - 16)}`), undefined],
  ])('is read: %s', (_, bytes, source) => {
    const rest = 'GET / HTTP/1.1\r\n'
    expect(read(Buffer.concat([bytes, Buffer.from(rest)]))).toEqual({
      source,
      length: bytes.length,
    })
  })

  it.each([
    ['nothing of the kind', 'GET / HTTP/1.1\r\n'],
    ['another case', 'proxy TCP4 203.0.113.9 10.0.0.1 1 2\r\n'],
    ['no protocol', proxyV1('')],
    ['another protocol', proxyV1('UDP4 203.0.113.9 10.0.0.1 1 2')],
    ['no source', proxyV1('TCP4')],
    ['no ports', proxyV1('TCP4 203.0.113.9 10.0.0.1')],
    ['a field too many', proxyV1('TCP4 203.0.113.9 10.0.0.1 1 2 3')],
    ['a blank at the end', proxyV1('TCP4 203.0.113.9 10.0.0.1 1 2 ')],
    ['two blanks', proxyV1('TCP4  203.0.113.9 10.0.0.1 1 2')],
    ['a tab', proxyV1('TCP4\t203.0.113.9 10.0.0.1 1 2')],
    ['a port too high', proxyV1('TCP4 203.0.113.9 10.0.0.1 65536 2')],
    ['a port with a zero before', proxyV1('TCP4 203.0.113.9 10.0.0.1 01 2')],
    ['a short address', proxyV1('TCP4 203.113 10.0.0.1 1 2')],
    ['an octal address', proxyV1('TCP4 0203.0.113.9 10.0.0.1 1 2')],
    ['a broken destination', proxyV1('TCP4 203.0.113.9 10.0.0 1 2')],
    ['IPv6 called IPv4', proxyV1('TCP4 ::1 ::1 1 2')],
    ['IPv4 called IPv6', proxyV1('TCP6 203.0.113.9 10.0.0.1 1 2')],
    ['a bare line feed', 'PROXY UNKNOWN\n'],
    ['a bare carriage return', 'PROXY UNKNOWN\rx'],
    ['a NUL', 'PROXY UNKNOWN \0\r\n'],
    ['108 bytes (E6)', proxyV1(`UNKNOWN ${'x'.repeat(108 - 16)}`)],
    ['107 bytes without an end (E6)', `PROXY UNKNOWN ${'x'.repeat(107 - 14)}`],
  ])('is a fault: %s', (_, bytes) => {
    expect(read(bytes)).toBe('fault')
  })
})

describe('a header of version 2', () => {
  const local = (body = Buffer.alloc(0)) => proxyV2({ command: 0x20, family: 0, body })

  it.each([
    ['IPv4', v2OfIPv4, '203.0.113.9'],
    ['IPv6', v2OfIPv6, '2001:db8::7'],
    ['mapped IPv4, which is IPv4', v2OfMapped, '203.0.113.9'],
    ['LOCAL', local(), undefined],
    ['LOCAL with something after it', local(Buffer.from('abc')), undefined],
    ['LOCAL over TCP', proxyV2({ command: 0x20, family: 0x11, body: Buffer.alloc(12) }), undefined],
    ['an unspecified family', proxyV2({ family: 0x00, body: Buffer.alloc(0) }), undefined],
    [
      'extensions after the addresses',
      proxyV2({ family: 0x11, body: Buffer.concat([v2OfIPv4.subarray(16), Buffer.alloc(508)]) }),
      '203.0.113.9',
    ],
  ])('is read: %s', (_, bytes, source) => {
    const rest = Buffer.from([0, 0, 0, 16])
    expect(read(Buffer.concat([bytes, rest]))).toEqual({ source, length: bytes.length })
  })

  it.each([
    ['another version', proxyV2({ command: 0x11, family: 0x11, body: Buffer.alloc(12) })],
    ['another command', proxyV2({ command: 0x22, family: 0x11, body: Buffer.alloc(12) })],
    ['UDP', proxyV2({ family: 0x12, body: Buffer.alloc(12) })],
    ['a socket of UNIX', proxyV2({ family: 0x31, body: Buffer.alloc(216) })],
    ['a family that is none', proxyV2({ family: 0x41, body: Buffer.alloc(36) })],
    ['no room for IPv4', proxyV2({ family: 0x11, body: Buffer.alloc(11) })],
    ['no room for IPv6', proxyV2({ family: 0x21, body: Buffer.alloc(35) })],
    ['537 bytes (E6)', proxyV2({ family: 0x11, body: Buffer.alloc(521) })],
    ['a length of 65535', proxyV2({ family: 0x11, body: Buffer.alloc(0), length: 65_535 })],
    ['a signature that breaks off', '\r\n\r\n\0\r\nQUIX\n'],
  ])('is a fault: %s', (_, bytes) => {
    expect(read(bytes)).toBe('fault')
  })
})

describe('reading', () => {
  const whole = [
    ...[tcp4, v2OfIPv4, v2OfIPv6, v2OfMapped, proxyV1('UNKNOWN'), proxyV1('TCP4 x')],
    ...[
      proxyV2({ command: 0x20, family: 0, body: Buffer.alloc(7) }),
      Buffer.from('PROXY \r\n\r\n'),
    ],
    ...[proxyV2({ family: 0x31, body: Buffer.alloc(216) }), Buffer.from('GET / HTTP/1.1\r\n')],
    ...[Buffer.from(`PROXY UNKNOWN ${'x'.repeat(200)}`), Buffer.from('\r\n\r\nGET')],
  ]

  /** The first word that is not `more`, taking one byte after the other. */
  const byteByByte = (bytes: Buffer) => {
    for (let length = 0; length <= bytes.length; length += 1) {
      const reading = read(bytes.subarray(0, length))
      if (reading !== 'more') return reading
    }
    return 'more'
  }

  it('gives the same however the bytes are split', () => {
    const rest = fc.uint8Array({ maxLength: 40 })
    const flip = fc.record({ at: fc.nat(60), by: fc.nat(255) })
    fc.assert(
      fc.property(fc.constantFrom(...whole), rest, fc.option(flip), (start, tail, change) => {
        const bytes = Buffer.concat([start, tail])
        if (change !== null && change.at < bytes.length) bytes[change.at]! ^= change.by
        expect(byteByByte(bytes)).toEqual(read(bytes))
      }),
      { numRuns: 3_000 },
    )
  })

  it('never throws, and reads no further than it says', () => {
    const anything = fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes))
    const started = fc
      .tuple(fc.constantFrom(...whole.map((bytes) => bytes.subarray(0, 13))), anything)
      .map((parts) => Buffer.concat(parts))
    fc.assert(
      fc.property(fc.oneof(anything, started), (bytes) => {
        const reading = readProxyHeader(bytes)
        if ('header' in reading) expect(reading.header.length).toBeLessThanOrEqual(bytes.length)
        if ('need' in reading) expect(bytes.length).toBeLessThan(536)
      }),
      { numRuns: 5_000 },
    )
  })
})
