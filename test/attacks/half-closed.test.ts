import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  alice,
  good,
  head,
  permitted,
  prime,
  startPair,
  verdictsIn,
  type Pair,
} from '../support/pair.ts'

let pair: Pair

beforeAll(async () => {
  pair = await startPair({
    answer: (_, outgoing) => setTimeout(() => outgoing.end('late'), 50),
  })
})
afterAll(() => pair.stop())
beforeEach(() => prime(pair))

/** Sends these octets, ends its side, and reads until the gateway ends its own. */
const sendAndEnd = (octets: string): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect({ port: pair.gateway.port, host: '127.0.0.1', allowHalfOpen: true })
    let text = ''
    socket.on('error', () => undefined)
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      resolve(text)
    })
    socket.end(octets, 'latin1')
  })
const post = (fields: string, body: string): string =>
  head('POST /', `Authorization: ${alice}\n${fields}`) + body

describe('a client that ends its side', () => {
  it.each([
    ['behind a request', good('/'), 1],
    ['behind a body', post('Content-Length: 4', 'body'), 1],
    ['behind chunks', post('Transfer-Encoding: chunked', '4\r\nbody\r\n0\r\n\r\n'), 1],
    ['behind several requests', good('/') + good('/') + good('/'), 3],
    ['behind a request and half of the next', good('/') + good('/').slice(0, 30), 1],
  ])('%s gets its answers', async (_, octets, answers) => {
    const before = pair.upstream.seen.length
    const text = await sendAndEnd(octets)
    expect(await verdictsIn(pair, text)).toEqual(Array(answers).fill(permitted()))
    expect(text.endsWith('late') || text.endsWith('0\r\n\r\n')).toBe(true)
    expect(pair.upstream.seen.length).toBe(before + answers)
  })

  it.each([
    ['within a head', good('/').slice(0, -2)],
    ['within a body', post('Content-Length: 5', 'body')],
    ['within a big body', post('Content-Length: 1000000', 'x'.repeat(100_000))],
    ['within chunks', post('Transfer-Encoding: chunked', '4\r\nbody\r\n')],
    ['within a chunk', post('Transfer-Encoding: chunked', '5\r\nbody')],
    ['before the last line of its chunks', post('Transfer-Encoding: chunked', '0\r\n')],
    ['without a word', ''],
  ])('%s has asked for nothing', async (_, octets) => {
    const before = pair.upstream.seen.length
    expect(await sendAndEnd(octets)).not.toContain('200')
    expect(pair.upstream.seen.length).toBe(before)
  })
})

it('a body where none is usual goes up, and is never taken for a request behind it', async () => {
  const before = pair.upstream.seen.length
  for (const method of ['GET', 'DELETE', 'OPTIONS']) {
    const body = good('/smuggled')
    const octets = post(`Content-Length: ${body.length}\nConnection: close`, body)
    await sendAndEnd(octets.replace('POST', method))
    expect(pair.upstream.seen.at(-1)).toMatchObject({ method, url: '/', body })
  }
  expect(pair.upstream.seen.length).toBe(before + 3)
})
