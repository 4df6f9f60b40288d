import { once } from 'node:events'
import {
  request as call,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { growthDuring } from '../support/memory.ts'
import { alice, prime, startPair, type Pair } from '../support/pair.ts'

/** Client, gateway and upstream share this process, so its memory is that of all three. */
let pair: Pair
let received = 0
let poured = 0
let isGone = false

const MiB = 1_048_576
const GiB = 1_024 * MiB
const piece = Buffer.alloc(MiB, 'x')

/** Writes as fast as the other side takes it, and no faster; resolves when that is over. */
const pour = (into: Writable, octets: number): Promise<void> => {
  const pieces = function* (): Generator<Buffer> {
    for (poured = 0; poured < octets; poured += piece.length)
      yield octets - poured < piece.length ? piece.subarray(0, octets - poured) : piece
  }
  return pipeline(pieces, into).catch(() => undefined)
}

const serve = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
  const octets = Number(incoming.headers['x-octets'] ?? 0)
  received = 0
  isGone = false
  outgoing.on('close', () => (isGone = true))
  incoming.on('data', (chunk: Buffer) => (received += chunk.length))
  incoming.on('end', () => {
    if (incoming.headers['x-chunked'] === undefined) outgoing.setHeader('content-length', octets)
    void pour(outgoing, octets)
  })
}

beforeAll(async () => {
  pair = await startPair({ listener: serve })
  await prime(pair)
})
afterAll(() => pair.stop())

const ask = (headers: Readonly<Record<string, string | number>>, method = 'GET'): ClientRequest =>
  call(pair.gateway.url, { method, headers: { authorization: alice, ...headers } })

const answerTo = async (outgoing: ClientRequest): Promise<IncomingMessage> =>
  ((await once(outgoing, 'response')) as [IncomingMessage])[0]

const drink = async (incoming: IncomingMessage): Promise<number> => {
  let octets = 0
  for await (const chunk of incoming) octets += (chunk as Buffer).length
  return octets
}

const flat = 150 * MiB

const comeDown = async (octets: number, headers = {}): Promise<void> => {
  const outgoing = ask({ 'x-octets': octets, ...headers }).end()
  expect(await drink(await answerTo(outgoing))).toBe(octets)
}
const goUp = async (octets: number, headers = {}): Promise<void> => {
  const outgoing = ask(headers, 'POST')
  const answer = answerTo(outgoing)
  await pour(outgoing, octets)
  expect((await answer).statusCode).toBe(200)
  expect(received).toBe(octets)
}

test('chunks come down and go up', async () => {
  await comeDown(GiB / 16, { 'x-chunked': 1 })
  await goUp(GiB / 16, { 'transfer-encoding': 'chunked' })
})

// What came before has made the heap as large as it gets with bodies of any size.
test('1 GiB comes down with flat memory (F12)', async () => {
  expect(await growthDuring(() => comeDown(GiB))).toBeLessThan(flat)
})

test('1 GiB goes up with flat memory', async () => {
  expect(await growthDuring(() => goUp(GiB, { 'content-length': GiB }))).toBeLessThan(flat)
})

test('10 GB that nobody reads are held back at the upstream, and let go with the client (F12)', async () => {
  const growth = await growthDuring(async () => {
    const incoming = await answerTo(ask({ 'x-octets': 10 * GiB }).end())
    incoming.on('error', () => undefined).pause()
    // The upstream gets rid of what the kernel keeps, and of no more.
    for (let before = -1; before !== poured;) {
      before = poured
      await wait(200)
    }
    expect(poured).toBeLessThan(GiB / 10)
    expect(isGone).toBe(false)
    incoming.destroy()
    await expect.poll(() => isGone).toBe(true)
  })
  expect(growth).toBeLessThan(flat)
})
