import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
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
import { statusesIn } from '../support/raw.ts'
import {
  startScriptedUpstream,
  type Scripted,
  type ScriptedUpstream,
} from '../support/scripted-upstream.ts'

const down = 'http://127.0.0.1:1'
const ok = 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'

let one: ScriptedUpstream
let two: ScriptedUpstream
let narrow: ScriptedUpstream
let pair: Pair
let script: (request: Scripted) => void

beforeAll(async () => {
  const start = () =>
    startScriptedUpstream((request) => {
      script(request)
    })
  one = await start()
  two = await start()
  narrow = await start()
  pair = await startPair({
    routes: (url) => [
      { path: '/', upstream: [url] },
      { path: '/both', upstream: [one.url, two.url] },
      { path: '/half', upstream: [down, two.url] },
      { path: '/none', upstream: [down, 'http://127.0.0.1:2'] },
      { path: '/narrow', upstream: [narrow.url] },
    ],
    file: { upstreamLimits: { timeoutMs: 2_000, connectMs: 300, connections: 2, waiting: 4 } },
  })
  await prime(pair)
})
afterAll(async () => {
  await pair.stop()
  for (const upstream of [one, two, narrow]) await upstream.stop()
})
beforeEach(() => {
  script = ({ say }) => {
    say(ok)
  }
})

const close = 'Connection: close'
const send = (line: string, fields = close, body = '') =>
  attack(pair, head(line, `Authorization: ${alice}\n${fields}`) + body)
const count = (upstream: ScriptedUpstream): number => upstream.heads.length

describe('with several upstreams', () => {
  it('requests go to each in turn', async () => {
    const before = [count(one), count(two)]
    for (let i = 0; i < 10; i++)
      expect((await send('GET /both')).verdicts).toMatchObject([{ status: 200 }])
    expect([count(one), count(two)]).toEqual(before.map((number) => number + 5))
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])(
    '%s goes to the next when the first is down: it never reached it',
    async (method) => {
      for (let i = 0; i < 4; i++) {
        const before = count(two)
        expect((await send(`${method} /half`)).verdicts).toMatchObject([{ status: 200 }])
        expect(count(two)).toBe(before + 1)
      }
    },
  )

  it('PUT takes its body along', async () => {
    for (let i = 0; i < 4; i++)
      expect(
        (await send('PUT /half', `${close}\nContent-Length: 4`, 'body')).verdicts,
      ).toMatchObject([{ status: 200 }])
  })

  it.each(['POST', 'PATCH'])(
    '%s goes to one alone, the one that is up where that is known',
    async (method) => {
      const statuses = new Set<number>()
      for (let i = 0; i < 4; i++) {
        const before = count(two)
        const { text } = await send(`${method} /half`, `${close}\nContent-Length: 0`)
        for (const status of statusesIn(text)) statuses.add(status)
        expect(count(two) - before).toBe(statusesIn(text)[0] === 200 ? 1 : 0)
      }
      expect(statuses).toContain(200)
    },
  )

  it.each([
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\n'],
    ['no HTTP', 'hello\n\n'],
  ])('none is tried twice once it has reached one, which answers %s', async (_, answer) => {
    script = ({ say, socket }) => {
      say(answer)
      setTimeout(() => socket.destroy(), 10)
    }
    const before = count(one) + count(two)
    for (let i = 0; i < 4; i++)
      expect((await send('GET /both')).verdicts).toEqual([refused(502, 'upstream-unreachable')])
    expect(count(one) + count(two)).toBe(before + 4)
  })

  it('an error that an upstream answers is its answer', async () => {
    script = ({ say }) => {
      say('HTTP/1.1 503 No\nContent-Length: 0\n\n')
    }
    const before = count(one) + count(two)
    const { verdicts } = await send('GET /both')
    expect(verdicts).toEqual([{ ...permitted(503), seen: 0 }])
    expect(count(one) + count(two)).toBe(before + 1)
  })

  it('and all of them down, it is a 502 in time', async () => {
    const began = performance.now()
    for (let i = 0; i < 4; i++)
      expect((await send('GET /none')).verdicts).toEqual([refused(502, 'upstream-unreachable')])
    expect(performance.now() - began).toBeLessThan(1_500)
  })
})

describe('an upstream whose connections are all taken', () => {
  it('serves more requests than it has connections, in turn', async () => {
    script = ({ say }) =>
      setTimeout(() => {
        say(ok)
      }, 20)
    const all = await Promise.all(Array.from({ length: 6 }, () => send('GET /narrow')))
    expect(all.flatMap(({ text }) => statusesIn(text))).toEqual(Array(6).fill(200))
    expect(narrow.sockets.length).toBeLessThanOrEqual(2)
  })

  it('is overloaded beyond its queue', async () => {
    script = ({ say }) =>
      setTimeout(() => {
        say(ok)
      }, 100)
    const all = await Promise.all(Array.from({ length: 10 }, () => send('GET /narrow')))
    const statuses = all.flatMap(({ text }) => statusesIn(text))
    expect(statuses.filter((status) => status === 200).length).toBe(6)
    const rest = all.filter(({ text }) => statusesIn(text)[0] !== 200)
    for (const { verdicts, text } of rest) {
      expect(verdicts).toEqual([refused(503, 'overloaded')])
      expect(text).toMatch(/\r\nRetry-After: \d+\r\n/)
    }
  })

  it('lets nobody wait for longer than for a connection', async () => {
    script = () => undefined
    const began = performance.now()
    const holding = [send('GET /narrow'), send('GET /narrow')]
    await expect.poll(() => count(narrow)).toBeGreaterThan(0)
    expect((await send('GET /narrow')).verdicts).toEqual([refused(503, 'overloaded')])
    expect(performance.now() - began).toBeLessThan(1_500)
    for (const held of holding)
      expect((await held).verdicts).toEqual([refused(504, 'upstream-timeout')])
  })
})

it('nothing that was good is refused for what happened here', async () => {
  expect((await attack(pair, good('/', close))).verdicts).toEqual([permitted()])
})
