import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findUserByName } from '../../db/user-rows.ts'
import { userKeyOf } from '../support/attempts.ts'
import {
  alice,
  attack,
  good,
  head,
  prime,
  refused,
  startPair,
  type Pair,
  type Verdict,
} from '../support/pair.ts'
import { openRawClient } from '../support/raw-client.ts'
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
    routes: (url) => [
      { path: '/', upstream: [url] },
      { path: '/s', upstream: [scripted.url] },
      { path: '/down', upstream: ['http://127.0.0.1:1'] },
    ],
    file: { upstreamLimits: { timeoutMs: 400, connectMs: 300 } },
  })
})
afterAll(async () => {
  await pair.stop()
  await scripted.stop()
})
beforeEach(() => prime(pair))

const close = 'Connection: close'
/** What comes of one request when the upstream says this. */
const meet = (answer: string, fields = close, line = 'GET /s') => {
  script = ({ say }) => {
    say(answer)
  }
  return attack(pair, head(line, `Authorization: ${alice}\n${fields}`))
}
const bodyOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)
const badGateway: Verdict = refused(502, 'upstream-unreachable')
const timedOut: Verdict = refused(504, 'upstream-timeout')

describe('an answer that is not HTTP to the letter is a 502 (F12)', () => {
  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\n\n'],
    ['no status', 'HTTP/1.1\n\n'],
    ['another version', 'HTTP/2 200 OK\n\n'],
    ['a field without a colon', 'HTTP/1.1 200 OK\nX-A\n\n'],
    ['a field without a name', 'HTTP/1.1 200 OK\n: x\n\n'],
    ['a blank before the colon', 'HTTP/1.1 200 OK\nContent-Length : 2\n\nok'],
    ['a folded field', 'HTTP/1.1 200 OK\nX-A: 1\n 2\n\n'],
    ['a control in a value', 'HTTP/1.1 200 OK\nX-A: a\x07b\n\n'],
    ['CR in a value', 'HTTP/1.1 200 OK\nX-A: a\rSet-Cookie: b\n\n'],
    ['two lengths', 'HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3\n\nok'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\nContent-Length: 2\nTransfer-Encoding: chunked\n\n2\nok\n0\n\n',
    ],
    ['a coding that nobody asked for', 'HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n'],
    ['a length that is none', 'HTTP/1.1 200 OK\nContent-Length: two\n\nok'],
    ['a head without end', `HTTP/1.1 200 OK\nX-A: ${'a'.repeat(70_000)}`],
    [
      '101 that nobody asked for',
      'HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade\n\n',
    ],
    [
      'an interim answer that is none',
      'HTTP/1.1 103 Early Hints\nX A: 1\n\nHTTP/1.1 200 OK\nContent-Length: 2\n\nok',
    ],
  ])('%s', async (_, answer) => {
    const { verdicts, text } = await meet(answer)
    expect(verdicts).toEqual([badGateway])
    expect(text).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/)
    expect(scripted.sockets.at(-1)?.destroyed || scripted.sockets.at(-1)?.readableEnded).toBe(true)
  })

  it('with LF alone too, which would be two fields elsewhere', async () => {
    script = ({ socket }) => socket.write('HTTP/1.1 200 OK\nContent-Length: 2\n\nok')
    expect((await attack(pair, good('/s', close))).verdicts).toEqual([timedOut])
    script = ({ socket }) => socket.write('HTTP/1.1 200 OK\r\nX-A: a\nX-B: b\r\n\r\n')
    expect((await attack(pair, good('/s', close))).verdicts).toEqual([badGateway])
  })
})

describe('an answer that breaks off is never taken for a whole one (F12)', () => {
  it.each([
    ['before its first octet', '', badGateway],
    ['within its head', 'HTTP/1.1 200 OK\nContent-Le', badGateway],
    ['within an interim answer', 'HTTP/1.1 103 Early Hints\nLink: x', badGateway],
  ])('%s', async (_, answer, verdict) => {
    for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
      script = ({ say, socket }) => {
        say(answer)
        setTimeout(() => socket[end](), 20)
      }
      expect((await attack(pair, good('/s', close))).verdicts).toEqual([verdict])
    }
  })

  it.each([
    ['its length', 'Content-Length: 10', 'half!', 5],
    ['its chunks', 'Transfer-Encoding: chunked', 'a\nhalf!', 5],
    ['its last chunk', 'Transfer-Encoding: chunked', '5\nhalf!\n', 5],
    ['a chunk that is none', 'Transfer-Encoding: chunked', '5\nhalf!\nxyz\n', 5],
  ])(
    'within %s: half of it has gone on, and the rest is visibly missing',
    async (_, field, body, octets) => {
      for (const end of ['destroy', 'resetAndDestroy', 'end'] as const) {
        script = ({ say, socket }) => {
          say(`HTTP/1.1 200 OK\n${field}\n\n`)
          setTimeout(() => {
            say(body)
          }, 10)
          setTimeout(() => socket[end](), 30)
        }
        const response = await fetch(`${pair.gateway.url}/s`, { headers: { authorization: alice } })
        expect(response.status).toBe(200)
        await expect(response.text()).rejects.toThrow()
      }
      const { text, closed } = await attack(pair, good('/s'))
      expect(closed).toBe(true)
      expect(bodyOf(text).replace(/^5\r\n|\r\n$/g, '')).toHaveLength(octets)
      expect(text).not.toMatch(/\r\n0\r\n\r\n$/)
    },
  )

  it('where only the close can end it, a reset is no end', async () => {
    script = ({ say, socket }) => {
      say('HTTP/1.1 200 OK\n\nhalf')
      setTimeout(() => socket.resetAndDestroy(), 20)
    }
    const response = await fetch(`${pair.gateway.url}/s`, { headers: { authorization: alice } })
    await expect(response.text()).rejects.toThrow()
  })
})

describe('an answer that does not come in time is a 504 (F12)', () => {
  it.each([
    ['not at all', ''],
    ['but for an interim answer', 'HTTP/1.1 102 Processing\n\n'],
    ['but for half of its head', 'HTTP/1.1 200 OK\n'],
  ])('%s', async (_, answer) => {
    const began = performance.now()
    expect((await meet(answer)).verdicts).toEqual([timedOut])
    expect(performance.now() - began).toBeLessThan(1_500)
  })

  it('but when half of it is out, it is broken off', async () => {
    script = ({ say }) => {
      say('HTTP/1.1 200 OK\nContent-Length: 10\n\nhalf')
    }
    const { text, closed } = await attack(pair, good('/s'))
    expect([bodyOf(text), closed]).toEqual(['half', true])
  })

  it('and one that keeps coming may take as long as it likes', async () => {
    script = ({ say }) => {
      say('HTTP/1.1 200 OK\nContent-Length: 8\n\n')
      for (let i = 1; i <= 8; i++)
        setTimeout(() => {
          say('x')
        }, i * 100)
    }
    expect(bodyOf((await attack(pair, good('/s', close))).text)).toBe('xxxxxxxx')
  })
})

it('an upstream that is down is a 502 in time, and nothing is counted against anyone', async () => {
  for (let i = 0; i < 20; i++)
    expect((await attack(pair, good('/down', close))).verdicts).toEqual([badGateway])
  const { core } = pair.gateway
  const user = await findUserByName(core.database, 'alice')
  expect(await core.attempts.state(userKeyOf(core, user?.id ?? ''))).toEqual([])
  expect(core.attempts.sourceBlockedUntil('127.0.0.1')).toBeUndefined()
  expect((await attack(pair, good('/', close))).verdicts).toMatchObject([{ status: 200 }])
})

it('a client that is gone takes its request with it, and nothing of it is sent twice', async () => {
  const before = scripted.heads.length
  const gone = new Promise((resolve) => {
    script = ({ socket }) => socket.on('close', resolve)
  })
  const client = await openRawClient(pair.gateway.port)
  client.send(good('/s'))
  await expect.poll(() => scripted.heads.length).toBe(before + 1)
  client.socket.resetAndDestroy()
  await gone
  expect(scripted.heads.length).toBe(before + 1)
})
