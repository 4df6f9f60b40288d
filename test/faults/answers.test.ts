import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  alice,
  attack,
  good,
  head,
  permitted,
  prime,
  startPair,
  type Pair,
} from '../support/pair.ts'
import { statusesIn } from '../support/raw.ts'
import {
  startScriptedUpstream,
  type Scripted,
  type ScriptedUpstream,
} from '../support/scripted-upstream.ts'

let scripted: ScriptedUpstream
let pair: Pair
let script: (request: Scripted) => void

beforeAll(async () => {
  scripted = await startScriptedUpstream((request) => {
    script(request)
  })
  pair = await startPair({
    routes: () => [{ path: '/', upstream: [scripted.url] }],
    file: { upstreamLimits: { timeoutMs: 500 } },
  })
})
afterAll(async () => {
  await pair.stop()
  await scripted.stop()
})
const ok = 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'
beforeEach(async () => {
  script = ({ say }) => {
    say(ok)
  }
  await prime(pair)
})

const close = 'Connection: close'
const meet = (answer: string, octets = good('/', close)) => {
  script = ({ say }) => {
    say(answer)
  }
  return attack(pair, octets)
}
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)
const method = (name: string, fields = close): string =>
  head(`${name} /`, `Authorization: ${alice}\n${fields}`)

describe('an answer comes back as it is', () => {
  it.each([
    [
      'its status and reason',
      'HTTP/1.1 299 Nearly OK\nContent-Length: 2\n\nok',
      /^HTTP\/1\.1 299 Nearly OK\r\n/,
    ],
    ['without a reason', 'HTTP/1.1 200\nContent-Length: 2\n\nok', /^HTTP\/1\.1 200 \S*\r\n/],
    [
      'its fields, octet for octet',
      'HTTP/1.1 200 OK\nX-A: caf\xc3\xa9  \nx-a:b\nContent-Length: 0\n\n',
      /\r\nX-A: caf\xc3\xa9 {2}\r\nx-a:b\r\n/,
    ],
    [
      'several cookies',
      'HTTP/1.1 200 OK\nSet-Cookie: a\nSet-Cookie: b\nContent-Length: 0\n\n',
      /\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n/,
    ],
    [
      'a challenge of its own',
      'HTTP/1.1 401 No\nWWW-Authenticate: Digest x\nContent-Length: 0\n\n',
      /^HTTP\/1\.1 401 No\r\n[^]*WWW-Authenticate: Digest x\r\n/,
    ],
    [
      'a date of its own',
      'HTTP/1.1 200 OK\nDate: yesterday\nContent-Length: 0\n\n',
      /\r\nDate: yesterday\r\n(?![^]*Date:)/,
    ],
    ['a length', 'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello', /\r\n\r\nhello$/],
    [
      'chunks',
      'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2;x\nhe\n3\nllo\n0\n\n',
      /\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n$/,
    ],
    [
      'chunks and trailers, which stay behind',
      'HTTP/1.1 200 OK\nTrailer: X-A\nTransfer-Encoding: chunked\n\n5\nhello\n0\nX-A: 1\nX-Sallyport-User: eve\n\n',
      /\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    ],
    [
      'no body with 204',
      'HTTP/1.1 204 No Content\nContent-Length: 5\n\n',
      /^HTTP\/1\.1 204 (?![^]*Content-Length)[^]*\r\n\r\n$/,
    ],
    [
      'no body with 304',
      'HTTP/1.1 304 Not Modified\nContent-Length: 5\nETag: "x"\n\n',
      /^HTTP\/1\.1 304 [^]*ETag: "x"\r\n[^]*\r\n\r\n$/,
    ],
    [
      'HTTP/1.0 with a length',
      'HTTP/1.0 200 OK\nContent-Length: 5\n\nhello',
      /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\nhello$/,
    ],
  ])('%s', async (_, answer, expected) => {
    const { verdicts, text } = await meet(answer)
    expect(text).toMatch(expected)
    expect(text).not.toMatch(/x-sallyport-user|trailer/i)
    expect(verdicts).toEqual([{ ...permitted(), seen: 0, status: statusesIn(text)[0] }])
  })

  it.each([
    ['HTTP/1.1', 'HTTP/1.1 200 OK\n\n'],
    ['HTTP/1.0', 'HTTP/1.0 200 OK\nConnection: keep-alive\n\n'],
  ])('%s until it closes', async (_, answer) => {
    script = ({ say, socket }) => {
      say(`${answer}hello `)
      setTimeout(() => socket.end('world'), 20)
    }
    const { text } = await attack(pair, good('/', close))
    expect(bodyOf(text)).toBe('6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n')
    const old = await attack(pair, good('/').replace('HTTP/1.1', 'HTTP/1.0'))
    expect(bodyOf(old.text)).toBe('hello world')
  })

  it('HEAD has no body, whatever its fields say, and the connection goes on', async () => {
    for (const fields of ['Content-Length: 5', 'Transfer-Encoding: chunked', 'X-A: 1']) {
      const octets = method('HEAD', 'X-B: 1') + method('HEAD')
      const { text } = await meet(`HTTP/1.1 200 OK\n${fields}\n\n`, octets)
      expect(statusesIn(text)).toEqual([200, 200])
      expect(text).toMatch(/\r\n\r\nHTTP[^]*\r\n\r\n$/)
    }
  })

  it('interim answers go before it, but 100, and none to HTTP/1.0', async () => {
    const answer = `HTTP/1.1 100 Continue\n\nHTTP/1.1 103 Early Hints\nLink: </a>\n\nHTTP/1.1 103 x\n\n${ok}`
    const { text } = await meet(answer)
    expect(statusesIn(text)).toEqual([103, 103, 200])
    expect(text).toContain('\r\nLink: </a>\r\n\r\n')
    const old = await meet(answer, good('/').replace('HTTP/1.1', 'HTTP/1.0'))
    expect(statusesIn(old.text)).toEqual([200])
  })
})

describe('a connection to the upstream', () => {
  const connections = (): number => scripted.sockets.length

  it('carries one request after another', async () => {
    const before = connections()
    for (let i = 0; i < 5; i++) await meet(ok)
    expect(connections()).toBe(before)
  })

  it.each([
    ['something comes behind the answer', `${ok}HTTP/1.1 200 OK\nContent-Length: 4\n\nevil`],
    ['something comes behind 204', 'HTTP/1.1 204 x\n\nevil'],
    [
      'something comes behind the last chunk',
      'HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n0\n\nevil',
    ],
    ['the upstream says so', 'HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok'],
    ['HTTP/1.0 does not say otherwise', 'HTTP/1.0 200 OK\nContent-Length: 2\n\nok'],
    [
      'it would be kept for no time',
      'HTTP/1.1 200 OK\nContent-Length: 2\nKeep-Alive: timeout=1\n\nok',
    ],
  ])('is not used again where %s', async (_, answer) => {
    const before = connections()
    await meet(answer)
    const { text } = await meet(ok)
    expect(connections()).toBe(before + 1)
    expect(text).not.toContain('evil')
  })

  it('is not used again where something comes while it is idle', async () => {
    await meet(ok)
    const before = connections()
    scripted.sockets.at(-1)?.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
    await expect.poll(() => scripted.sockets.at(-1)?.destroyed).toBe(true)
    expect((await meet(ok)).text).not.toContain('evil')
    expect(connections()).toBe(before + 1)
  })

  it('is not used again once the upstream has closed it', async () => {
    await meet(ok)
    const before = connections()
    scripted.sockets.at(-1)?.end()
    await expect.poll(() => scripted.sockets.at(-1)?.destroyed).toBe(true)
    expect((await meet(ok)).verdicts).toMatchObject([{ status: 200 }])
    expect(connections()).toBe(before + 1)
  })

  it('that closes on a request leaves it unanswered and untried: it may have been done', async () => {
    const before = scripted.heads.length
    script = ({ socket, before: earlier, say }) => {
      if (earlier === 0) say(ok)
      else socket.destroy()
    }
    const first = await attack(pair, method('POST', `Content-Length: 0\n${close}`))
    const second = await attack(pair, method('POST', `Content-Length: 0\n${close}`))
    expect(
      [first, second].flatMap(({ verdicts }) => verdicts.map(({ status }) => status)),
    ).toContain(502)
    expect(scripted.heads.length).toBe(before + 2)
  })
})
