import { createServer } from 'node:http'
import { connect, type AddressInfo } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parsePath } from '../../../gateway/http/path.ts'
import { readTarget } from '../../../gateway/http/target.ts'

const malformed = { fault: 'request-malformed' }

/** Paths made of what makes trouble. */
const troubled = fc
  .array(
    fc.constantFrom(
      ...[
        '/',
        '.',
        '..',
        '%2e',
        '%2E',
        '%2f',
        '%5c',
        '\\',
        ';',
        '%',
        '%25',
        '2e',
        '%32',
        '%65',
        'a',
      ],
      ...[
        '%61',
        '%7E',
        '%c3%a9',
        '%c0%ae',
        '%ff',
        '%00',
        '|',
        '"',
        '^',
        '[',
        '?',
        '#',
        '%EF%BC%8E',
      ],
    ),
    { maxLength: 12 },
  )
  .map((parts) => `/${parts.join('')}`)
const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 20 }).map((text) => `/${text}`)

describe('a canonical path', () => {
  const law = (check: (canonical: string, raw: string) => void) => {
    fc.assert(
      fc.property(fc.oneof(troubled, ascii), (raw) => {
        const canonical = parsePath(raw)
        if (canonical !== undefined) check(canonical, raw)
      }),
      { numRuns: 20_000 },
    )
  }
  const segments = (text: string) => text.split('/').slice(1)

  it('is canonical already: reading it again changes nothing', () => {
    law((canonical) => {
      expect(parsePath(canonical)).toBe(canonical)
    })
  })

  it('is left as it is by a URL parser, and says what the client said', () => {
    law((canonical, raw) => {
      expect(new URL(`http://h${canonical}`).pathname).toBe(canonical)
      expect(decodeURIComponent(canonical)).toBe(decodeURIComponent(raw))
    })
  })

  it('has the same segments however often it is decoded, none of them empty or dots', () => {
    law((canonical) => {
      const once = decodeURIComponent(canonical)
      let twice = once
      try {
        twice = decodeURIComponent(once)
      } catch {
        // a literal percent sign: nothing more to decode
      }
      for (const reading of [canonical, once, twice, once.normalize('NFKC')]) {
        const parts = segments(reading)
        expect(parts.length).toBe(segments(canonical).length)
        expect(parts.slice(0, -1)).not.toContain('')
        expect(parts).not.toContain('.')
        expect(parts).not.toContain('..')
        expect(reading).not.toMatch(/[\\;\0]/)
      }
    })
  })
})

it('is read of a real request as it was sent', async () => {
  const seen: unknown[] = []
  const server = createServer((request, response) => {
    seen.push(readTarget(request.method ?? '', request.url ?? '', [request.headers.host ?? '']))
    response.end()
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const lines = ['/a%2e%2e/x?y', '/pub/..%2fadmin', 'http://h/x'].map(
    (target) => `GET ${target} HTTP/1.1\r\nHost: h\r\n\r\n`,
  )
  await new Promise((closed) => {
    socket.on('close', closed).resume()
    socket.end(lines.join(''))
  })
  server.close()
  expect(seen).toEqual([
    { path: '/a../x', query: '?y', host: 'h' },
    malformed,
    { path: '/x', query: '', host: 'h' },
  ])
})
