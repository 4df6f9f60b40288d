import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { alice, good, head, prime, startPair, type Pair } from '../support/pair.ts'

let pair: Pair
/** Begun before all others, since it may take a while. */
let upload: ReturnType<typeof dribble>

beforeAll(async () => {
  pair = await startPair({ file: { limits: { headerTimeoutMs: 1_000, idleTimeoutMs: 2_000 } } })
  await prime(pair)
  upload = dribble('x', 100, head('POST /', `Authorization: ${alice}\n${length}`))
})
afterAll(() => pair.stop())

const length = 'Content-Length: 60000'

/** Sends an octet every so often, and tells how long the gateway bore it and what it said. */
const dribble = (
  octets: string,
  everyMs: number,
  first = '',
): Promise<{ readonly ms: number; readonly text: string }> =>
  new Promise((resolve) => {
    const began = performance.now()
    let text = ''
    let at = 0
    const socket: Socket = connect(pair.gateway.port, '127.0.0.1')
    if (first !== '') socket.write(first)
    const timer = setInterval(() => socket.write(octets[at++ % octets.length] ?? ''), everyMs)
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('close', () => {
      clearInterval(timer)
      resolve({ ms: performance.now() - began, text })
    })
  })

const seconds = (most: number) => (ms: number) => ms < most * 1_000

describe('who dawdles is closed in time (F10)', () => {
  it.concurrent.each([
    ['within a request line', 'GET /aaaa', '', 408],
    ['within a field', 'X-A: aaaa', 'GET / HTTP/1.1\r\n', 408],
    ['with empty lines', '\r\n', '', undefined],
    ['with empty lines behind an answer', '\r\n', head('GET /none'), 401],
    ['within a body that is refused', 'x', head('POST /', length), 401],
    [
      'within chunks that are refused',
      '1\r\nx\r\n',
      head('POST /', 'Transfer-Encoding: chunked'),
      401,
    ],
    ['within the next head', 'GET / ', `${head('GET /none')}GET`, 401],
  ])('%s', async (_, octets, first, status) => {
    const { ms, text } = await dribble(octets, 100, first)
    expect(ms).toSatisfy(seconds(4))
    expect(text === '' ? undefined : Number(text.slice(9, 12))).toBe(status)
  })

  it.concurrent('and who says nothing at all', async () => {
    expect((await dribble('', 10_000)).ms).toSatisfy(seconds(3))
    expect((await dribble('', 10_000, good('/'))).ms).toSatisfy(seconds(5))
  })
})

it('a thousand such clients hold up nobody else (F10)', async () => {
  const p99 = async (): Promise<number> => {
    const times: number[] = []
    for (let i = 0; i < 400; i++) {
      const began = performance.now()
      const response = await fetch(pair.gateway.url, { headers: { authorization: alice } })
      await response.arrayBuffer()
      times.push(performance.now() - began)
    }
    return times.sort((a, b) => a - b)[395] ?? Infinity
  }
  await p99()
  const usual = await p99()
  const closed: number[] = []
  for (let i = 0; i < 1_000; i++) void dribble('GET /aaaa', 500).then(({ ms }) => closed.push(ms))
  await wait(0)
  const besieged = await p99()
  expect(besieged).toBeLessThan(Math.max(usual * 2, 20))
  await expect.poll(() => closed.length, { timeout: 10_000 }).toBe(1_000)
  expect(Math.max(...closed)).toBeLessThan(5_000)
}, 30_000)

it('within a body that goes up it is closed too, though later: it may be slow, not idle (F10)', async () => {
  const { ms, text } = await upload
  expect(ms).toSatisfy(seconds(25))
  expect(text).toMatch(/^HTTP\/1\.1 408 /)
}, 30_000)
