import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { commands } from '../../gateway/smpp/constants.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { answerAll, type Recorded } from '../support/recording-smsc.ts'
import { bound, startSmppPair, until, type SmppPair } from '../support/smpp-pair.ts'

const { submit_sm, deliver_sm } = commands
const STALL_MS = 1_500
/** Most that the kernel's buffers of the two connections of a leg hold here. */
const KERNEL_OCTETS = 2 * 14 * 1_024 * 1_024
const MESSAGES = 100_000
const OCTETS = 400

let pair: SmppPair

beforeAll(async () => {
  pair = await startSmppPair({
    file: {
      smppLimits: { timers: { stallMs: STALL_MS }, relay: { unanswered: 1_000_000 } },
    },
    answer: (request, from) => (request.includes('flood') ? [] : answerAll(request, from)),
  })
})
afterAll(() => pair.stop())

/** Writes so many messages until nothing more is taken; the octets that were. */
const flood = async ({ socket }: RawPeer, commandId: number): Promise<number> => {
  const body = Buffer.alloc(OCTETS - 16, 'flood')
  const batch = Buffer.concat(Array.from({ length: 100 }, (_, at) => pdu(commandId, at + 1, body)))
  const before = socket.bytesWritten - socket.writableLength
  for (let sent = 0; sent < MESSAGES && !socket.destroyed; sent += 100)
    if (!socket.write(batch)) {
      const drained = new Promise((resolve) => socket.once('drain', resolve).once('close', resolve))
      if ((await Promise.race([drained, wait(500, 'stuck')])) === 'stuck') break
    }
  return socket.bytesWritten - socket.writableLength - before
}

/** Round trips of another client, in ms, until told to stop. */
const measure = async (peer: RawPeer, isOver: () => boolean): Promise<number[]> => {
  const times: number[] = []
  for (let at = 1; !isOver(); at++) {
    const began = performance.now()
    peer.send(pdu(submit_sm, at, 'text'))
    expect(readPdu(await peer.next()).sequence).toBe(at)
    times.push(performance.now() - began)
    await wait(5)
  }
  return times.toSorted((a, b) => a - b)
}

const lastRecorded = (): Recorded => {
  const recorded = pair.smsc.recorded.at(-1)
  if (recorded === undefined) throw new Error('nothing came')
  return recorded
}

describe('J7 a peer that does not read holds up its own session, and is closed at the stall limit', () => {
  test.each([
    ['client, while deliver_sm come', 'smsc', deliver_sm],
    ['SMSC, while submit_sm come', 'esme', submit_sm],
  ] as const)('the %s', async (_, writer, commandId) => {
    const bystander = await bound(pair.gateway.smppPort)
    const esme = await bound(pair.gateway.smppPort)
    const { peer: smsc } = lastRecorded()
    const [from, to] = writer === 'smsc' ? [smsc, esme] : [esme, smsc]
    to.socket.pause()
    let isOver = false
    const times = measure(bystander, () => isOver)
    const memory = process.memoryUsage().rss
    const began = performance.now()
    const taken = await flood(from, commandId)
    expect(taken).toBeGreaterThan(200_000)
    expect(taken).toBeLessThan(Math.min(MESSAGES * OCTETS, KERNEL_OCTETS))
    await from.ended
    expect(performance.now() - began).toBeGreaterThanOrEqual(STALL_MS)
    expect(performance.now() - began).toBeLessThan(STALL_MS + 8_000)
    expect(process.memoryUsage().rss - memory).toBeLessThan(100 * 1_024 * 1_024)
    isOver = true
    const sorted = await times
    expect(sorted.length).toBeGreaterThan(10)
    // Far from what the session that is held up waits.
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(STALL_MS / 10)
    to.socket.resume()
    await to.ended
    bystander.socket.destroy()
    await until(() => pair.gateway.core.live.size('bind') === 0)
  })
})
