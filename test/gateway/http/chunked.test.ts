import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createChunkedDecoder, type ChunkedState } from '../../../gateway/http/chunked.ts'

type Decoded = { readonly data: string; readonly state: ChunkedState; readonly used: number }

/** Decodes octets that come in these pieces. */
const decode = (pieces: readonly Buffer[]): Decoded => {
  const decoder = createChunkedDecoder()
  const data: Buffer[] = []
  let used = 0
  for (const piece of pieces) {
    const taken = decoder.push(piece, (chunk) => data.push(chunk))
    expect(taken).toBeLessThanOrEqual(piece.length)
    used += taken
    if (decoder.state() !== 'open') break
    expect(taken).toBe(piece.length)
  }
  return { data: Buffer.concat(data).toString('latin1'), state: decoder.state(), used }
}
const decodeText = (text: string): Decoded => decode([Buffer.from(text, 'latin1')])

/** Cuts octets at these places, empty pieces included. */
const cut = (octets: Buffer, places: readonly number[]): Buffer[] => {
  const at = places.map((place) => place % (octets.length + 1)).sort((a, b) => a - b)
  return [0, ...at].map((from, index) => octets.subarray(from, at[index] ?? octets.length))
}

const lineText = fc.string({
  unit: fc.constantFrom(...Array.from('abc \t="\';:,\x80\xff')),
  maxLength: 20,
})
const chunk = fc.record({
  data: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((octets) => Buffer.from(octets)),
  zeros: fc.nat(3),
  upper: fc.boolean(),
  extension: fc.option(
    lineText.map((text) => `;${text}`),
    { nil: '' },
  ),
})
const sizeOf = (length: number, zeros: number, upper: boolean): string => {
  const hex = '0'.repeat(zeros) + length.toString(16)
  return upper ? hex.toUpperCase() : hex
}

/** A chunked body to the letter (RFC 9112 §7.1), and what it carries. */
const body = fc
  .record({
    chunks: fc.array(chunk, { maxLength: 8 }),
    zeros: fc.nat(3),
    trailers: fc.array(
      lineText.filter((text) => text !== '').map((text) => `x: ${text}`),
      { maxLength: 3 },
    ),
  })
  .map(({ chunks, zeros, trailers }) => ({
    octets: Buffer.concat([
      ...chunks.flatMap(({ data, extension, ...size }) => [
        Buffer.from(`${sizeOf(data.length, size.zeros, size.upper)}${extension}\r\n`, 'latin1'),
        data,
        Buffer.from('\r\n'),
      ]),
      Buffer.from(
        `0${'0'.repeat(zeros)}\r\n${trailers.map((line) => `${line}\r\n`).join('')}\r\n`,
        'latin1',
      ),
    ]),
    data: Buffer.concat(chunks.map(({ data }) => data)).toString('latin1'),
  }))

describe('a chunked body', () => {
  it.each([
    ['nothing in it', '0\r\n\r\n', ''],
    ['one chunk', '3\r\nabc\r\n0\r\n\r\n', 'abc'],
    ['line breaks in its data', '4\r\n\r\n\r\n\r\n0\r\n\r\n', '\r\n\r\n'],
    ['an extension', '3;a=b;c="d"\r\nabc\r\n0;e\r\n\r\n', 'abc'],
    ['blanks behind a size', '3 \t\r\nabc\r\n0 \r\n\r\n', 'abc'],
    ['trailers', '3\r\nabc\r\n0\r\nX-A: 1\r\nX-B: 2\r\n\r\n', 'abc'],
    ['an empty chunk written with zeros', '3\r\nabc\r\n0000\r\n\r\n', 'abc'],
  ])('is complete with %s', (_, text, data) => {
    expect(decodeText(text)).toEqual({ data, state: 'complete', used: text.length })
  })

  it('leaves alone what comes behind it', () => {
    const text = '3\r\nabc\r\n0\r\n\r\n'
    expect(decodeText(`${text}HTTP/1.1 200 OK`)).toEqual({
      data: 'abc',
      state: 'complete',
      used: text.length,
    })
  })

  it.each([
    ['no size', '\r\nabc'],
    ['a size that is no number', 'xyz\r\n'],
    ['a size with 0x', '0x3\r\n'],
    ['a sign', '+3\r\n'],
    ['a minus', '-3\r\n'],
    ['a blank before the size', ' 3\r\n'],
    ['a blank within the size', '1 0\r\n'],
    ['a separator', '1_0\r\n'],
    ['a point', '1.0\r\n'],
    ['thirteen digits', '1000000000003\r\n'],
    ['seventeen digits, of which 64 bits keep a 3', '10000000000000003\r\n'],
    ['LF alone behind the size', '3\nabc'],
    ['CR alone behind the size', '3\rabc\r\n'],
    ['CR CR LF behind the size', '3\r\r\n'],
    ['LF alone behind the data', '3\r\nabc\n'],
    ['CR alone behind the data', '3\r\nabc\r0\r\n'],
    ['more data than the size', '3\r\nabcd\r\n'],
    ['less data than the size', '4\r\nabc\r\n0\r\n\r\n'],
    ['LF alone behind the last chunk', '0\n'],
    ['LF alone behind a trailer', '0\r\nX-A: 1\n'],
    ['LF alone at the end', '0\r\n\n'],
    ['a control in an extension', '3;a\x01\r\n'],
    ['LF in an extension', '3;a\nb\r\n'],
    ['an endless size line', `3;${'x'.repeat(5_000)}`],
    ['endless zeros', '0'.repeat(5_000)],
    ['an endless trailer', `0\r\nX: ${'x'.repeat(5_000)}`],
    ['endless trailers', `0\r\n${'X: 1\r\n'.repeat(5_000)}`],
  ])('is broken by %s, however it is cut', (_, text) => {
    expect(decodeText(text).state).toBe('broken')
    expect(decode(Array.from(text, (octet) => Buffer.from(octet, 'latin1'))).state).toBe('broken')
  })

  it('is open as long as something of it is missing', () => {
    const text = '3;a\r\nabc\r\n0\r\nX: y\r\n\r\n'
    for (let length = 0; length < text.length; length++)
      expect(decodeText(text.slice(0, length)).state).toBe('open')
  })

  it('carries the same data however it is cut, and ends where it ends', () => {
    fc.assert(
      fc.property(
        body,
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.string(),
        (whole, places, rest) => {
          const octets = Buffer.concat([whole.octets, Buffer.from(rest)])
          const decoded = decode(cut(octets, places))
          expect(decoded.state).toBe('complete')
          expect(decoded.data).toBe(whole.data)
          expect(decoded.used).toBe(whole.octets.length)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('that is garbage never throws and never goes on behind its fault', () => {
    const garbage = fc.uint8Array({ maxLength: 200 }).map((octets) => Buffer.from(octets))
    const almost = fc
      .array(fc.constantFrom('\r\n', '\n', '\r', '0', '3', 'f', 'abc', ';', ' ', 'x: y'), {
        maxLength: 30,
      })
      .map((parts) => Buffer.from(parts.join('')))
    fc.assert(
      fc.property(
        fc.oneof(garbage, almost),
        fc.array(fc.nat(), { maxLength: 6 }),
        (octets, places) => {
          const whole = decode([octets])
          expect(decode(cut(octets, places))).toMatchObject({
            data: whole.data,
            state: whole.state,
          })
        },
      ),
      { numRuns: 5_000 },
    )
  })
})
