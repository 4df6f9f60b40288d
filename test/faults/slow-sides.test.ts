import { once } from 'node:events'
import { request as call, type IncomingMessage } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { alice, head, prime, refused, startPair, verdictsIn, type Pair } from '../support/pair.ts'
import { openRawClient } from '../support/raw-client.ts'

/** An upstream that may be silent for no longer than this, in ms: time for a busy machine. */
const TIMEOUT_MS = 1_500

let pair: Pair

const size = 30_000_000

beforeAll(async () => {
  pair = await startPair({
    file: { upstreamLimits: { timeoutMs: TIMEOUT_MS } },
    listener: (incoming, outgoing) => {
      if (incoming.url === '/download') {
        outgoing.writeHead(200, { 'content-length': size })
        outgoing.end(Buffer.alloc(size, 'x'))
        return
      }
      // Does not read what is sent to it.
      if (incoming.url === '/deaf') return
      incoming.resume().on('end', () => outgoing.end('whole'))
    },
  })
})
afterAll(() => pair.stop())
beforeEach(() => prime(pair))

test('a client that pauses within its body is not taken for an upstream that does not answer', async () => {
  const client = await openRawClient(pair.gateway.port)
  client.send(head('POST /up', `Authorization: ${alice}\nContent-Length: 6\nConnection: close`))
  for (const part of ['on', 'ce', '!!']) {
    await wait(TIMEOUT_MS * 1.3)
    client.send(part)
  }
  expect(await client.closed()).toMatch(/^HTTP\/1\.1 200 [^]*whole/)
})

test('an upstream that does not read a body is one that does not answer (F12)', async () => {
  const client = await openRawClient(pair.gateway.port)
  client.send(head('POST /deaf', `Authorization: ${alice}\nContent-Length: 100000000`))
  client.socket.write(Buffer.alloc(20_000_000))
  const text = await client.until((received) => received.includes('\r\n\r\n'))
  expect(await verdictsIn(pair, text)).toEqual([refused(504, 'upstream-timeout')])
  client.socket.destroy()
})

test('a client that pauses within an answer gets all of it', async () => {
  const headers = { authorization: alice, connection: 'close' }
  const outgoing = call(`${pair.gateway.url}/download`, { headers }).end()
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage]
  incoming.pause()
  await wait(TIMEOUT_MS * 2)
  let octets = 0
  incoming.on('data', (chunk: Buffer) => (octets += chunk.length)).resume()
  await once(incoming, 'end')
  expect(octets).toBe(size)
})
