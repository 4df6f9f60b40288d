import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createClientAddress, createIsTrusted } from '../../gateway/client-address.ts'
import { address, parseAddress } from '../../policies/address.ts'
import { parseRange } from '../../policies/range.ts'

const ranges = (...texts: string[]) =>
  texts.flatMap((text) => {
    const parsed = parseRange(text)
    return 'range' in parsed ? [parsed.range] : []
  })
const isTrusted = createIsTrusted(ranges('10.0.0.0/8', '2001:db8:aaaa::/48'))
const clientAddress = createClientAddress(isTrusted)
const proxy = address('10.0.0.1')
const stranger = address('198.51.100.7')

describe('a trusted proxy', () => {
  it.each([
    ['within a range', '10.1.2.3', true],
    ['within a range, mapped (A1)', '::ffff:10.1.2.3', true],
    ['within a range of IPv6', '2001:db8:aaaa::1', true],
    ['outside', '11.0.0.1', false],
  ])('is trusted %s: %s → %s', (_, text, expected) => {
    expect(isTrusted(address(text))).toBe(expected)
  })

  it('is nobody without ranges', () => {
    expect(createIsTrusted([])(proxy)).toBe(false)
  })
})

describe('the client address', () => {
  it.each([
    ['the proxy itself when it forwards for nobody', [], '10.0.0.1'],
    ['what the proxy saw', ['203.0.113.9'], '203.0.113.9'],
    ['IPv4 when the proxy saw it mapped', ['::ffff:203.0.113.9'], '203.0.113.9'],
    ['IPv6 in its one spelling', ['2001:0DB8::0001'], '2001:db8::1'],
    ['the rightmost, not the spoofed one (E2)', ['203.0.113.1, 203.0.113.9'], '203.0.113.9'],
    ['the rightmost after rubbish that it sent (E2)', ['rubbish,, 203.0.113.9'], '203.0.113.9'],
    ['left of the trusted ones', ['1.1.1.1, 203.0.113.9, 10.0.0.2, 10.0.0.3'], '203.0.113.9'],
    ['the rightmost of the last line', ['203.0.113.1', '203.0.113.9'], '203.0.113.9'],
    ['left over the border of a line', ['1.1.1.1, 203.0.113.9', '10.0.0.2'], '203.0.113.9'],
    ['what tabs and blanks stand around', [' \t203.0.113.9\t , 10.0.0.2 '], '203.0.113.9'],
    ['the leftmost where all are trusted', ['10.0.0.5, 10.0.0.2'], '10.0.0.5'],
  ])('is %s', (_, lines, expected) => {
    expect(clientAddress(proxy, lines)?.text).toBe(expected)
  })

  it.each([
    ['a word (E3)', ['a']],
    ['unknown (E3)', ['unknown']],
    ['an obfuscated name', ['_hidden']],
    ['an empty line (E3)', ['']],
    ['an empty last entry', ['203.0.113.9,']],
    ['an empty last line', ['203.0.113.9', '']],
    ['rubbish left of a trusted one', ['203.0.113.9, x, 10.0.0.2']],
    ['a port', ['203.0.113.9:1234']],
    ['brackets', ['[2001:db8::1]']],
    ['quotes', ['"203.0.113.9"']],
    ['a short form', ['10.1']],
    ['octal', ['010.0.0.1']],
    ['a number', ['167772161']],
    ['ten thousand entries (E3)', [Array(10_000).fill('203.0.113.9').join()]],
    ['ten thousand lines', Array<string>(10_000).fill('203.0.113.9')],
    ['ten thousand commas', [','.repeat(10_000)]],
  ])('cannot be read: %s', (_, lines) => {
    expect(clientAddress(proxy, lines)).toBeUndefined()
  })

  it.each([
    ['a spoofed address (E1)', ['203.0.113.9']],
    ['rubbish', ['unknown']],
    ['nothing', []],
  ])('is the remote address where an untrusted peer sends %s', (_, lines) => {
    expect(clientAddress(stranger, lines)).toBe(stranger)
  })

  it('cannot be read where the remote address cannot', () => {
    expect(clientAddress(undefined, ['203.0.113.9'])).toBeUndefined()
  })

  it('never depends on what stands left of the first stranger', () => {
    const ipv4 = fc
      .ipV4()
      .map((text) => parseAddress(text))
      .filter((a) => a !== undefined)
    const untrusted = ipv4.filter((a) => !isTrusted(a))
    const hops = fc.array(fc.constantFrom('10.0.0.2', '10.9.9.9', '2001:db8:aaaa::2'), {
      maxLength: 5,
    })
    fc.assert(
      fc.property(
        untrusted,
        hops,
        fc.array(fc.string(), { maxLength: 5 }),
        (client, path, left) => {
          const line = [
            ...left.map((text) => text.replaceAll(',', ' ')),
            client.text,
            ...path,
          ].join(', ')
          expect(clientAddress(proxy, [line])?.text).toBe(client.text)
        },
      ),
    )
  })
})
