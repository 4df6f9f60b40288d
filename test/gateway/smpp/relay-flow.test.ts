import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { commands, statuses } from '../../../gateway/smpp/constants.ts'
import { FIRST_OWN } from '../../../gateway/smpp/sequence.ts'
import { createCertificate } from '../../support/certificate.ts'
import { pdu, readPdu } from '../../support/pdu.ts'
import type { RawPeer } from '../../support/raw-peer.ts'
import { until } from '../../support/smpp-pair.ts'
import { join, type Joined } from '../../support/smpp-relay.ts'
import { defaultRelayLimits, defaultTimers } from '../../support/smpp-defaults.ts'

const { submit_sm, deliver_sm, enquire_link, unbind } = commands
const SUBMIT_RESP = 0x80000004
const ENQUIRE_RESP = 0x80000015

const times = { graceMs: 100, unbindMs: 200, closeMs: 100 }
const sides = [
  ['client', 'esme', 'smsc', submit_sm],
  ['upstream', 'smsc', 'esme', deliver_sm],
] as const

/** Writes until it is held up, and nothing more is taken for a while; returns the octets that were. */
const flood = async (
  peer: RawPeer,
  commandId: number,
  frames: number,
  isHeldUp: () => boolean,
): Promise<number> => {
  const batch = Buffer.concat(
    Array.from({ length: 100 }, (_, index) => pdu(commandId, index + 1, Buffer.alloc(200))),
  )
  let isStuck = false
  for (let sent = 0; sent < frames && !isStuck; sent += 100) {
    if (peer.socket.write(batch)) continue
    const drained = new Promise<boolean>((resolve) =>
      peer.socket.once('drain', () => {
        resolve(false)
      }),
    )
    isStuck = await Promise.race([drained, until(isHeldUp).then(() => pause(500, true))])
  }
  return peer.socket.bytesWritten - peer.socket.writableLength
}

const isBeyondBudget = (socket: Joined['client']) => (): boolean =>
  socket.writableLength > defaultRelayLimits.budgetOctets

/** Most that the two kernels' buffers of one connection hold here. */
const KERNEL_OCTETS = 14 * 1_024 * 1_024

const stallTimers = { ...defaultTimers, stallMs: 1_500 }
const manyUnanswered = { ...defaultRelayLimits, unanswered: 1_000_000 }

describe('a peer that does not read (J7)', () => {
  it.each(sides)('holds up the other %s leg only, within a budget', async (...row) => {
    const [side, reader, writer, command] = [row[0], row[1], row[2], row[3]]
    const joined = await join({ timers: stallTimers, limits: manyUnanswered, endTimes: times })
    const asked = side === 'client' ? deliver_sm : submit_sm
    expect(command).not.toBe(asked)
    joined[reader].socket.pause()
    const taken = await flood(joined[writer], asked, 200_000, isBeyondBudget(joined[side]))
    const waiting = joined[side].writableLength
    expect(waiting).toBeGreaterThan(defaultRelayLimits.budgetOctets)
    expect(waiting).toBeLessThan(defaultRelayLimits.budgetOctets + 2 * 65_536 + 1_024)
    expect(taken).toBeLessThan(2 * KERNEL_OCTETS)
    joined[writer].socket.resume()
    expect(await joined.end).toBe(`${side}-stalled`)
    expect(joined.ticker.size()).toBe(0)
  })

  it.each(sides)('but reads on in time loses nothing: %s', async (side, reader, writer) => {
    const timers = { ...defaultTimers, stallMs: 25_000 }
    const joined = await join({ timers, limits: manyUnanswered })
    const isHeldUp = isBeyondBudget(joined[side])
    const asked = side === 'client' ? deliver_sm : submit_sm
    joined[reader].socket.pause()
    const before = flood(joined[writer], asked, 100_000, () => false)
    await until(isHeldUp)
    joined[reader].socket.resume()
    const octets = 100_000 * 216
    expect((await joined[reader].take(octets)).length).toBe(octets)
    await before
    expect(joined[side].destroyed).toBe(false)
  })

  it('over TLS, ends the session at the stall limit all the same', async () => {
    const options = { timers: stallTimers, limits: manyUnanswered, endTimes: times }
    const joined = await join(options, createCertificate('localhost'))
    joined.esme.socket.pause()
    await flood(joined.smsc, deliver_sm, 200_000, isBeyondBudget(joined.client))
    expect(joined.client.writableLength).toBeLessThan(defaultRelayLimits.budgetOctets + 131_072)
    expect(await joined.end).toBe('client-stalled')
  })

  it('and is answered by us holds up itself', async () => {
    const { esme, client } = await join()
    esme.socket.pause()
    await flood(esme, deliver_sm, 1_000_000, isBeyondBudget(client))
    expect(client.writableLength).toBeLessThan(defaultRelayLimits.budgetOctets + 65_536)
  })
})

describe('requests that nobody answers', () => {
  it('stop their sender at the limit, until answers come', async () => {
    const limits = { ...defaultRelayLimits, unanswered: 10 }
    const { esme, smsc, relay } = await join({ limits })
    const requests = Array.from({ length: 10 }, (_, index) => pdu(submit_sm, index + 1))
    esme.send(...requests)
    await smsc.take(10 * 16)
    esme.send(pdu(submit_sm, 11))
    await pause(50)
    expect(smsc.untaken()).toHaveLength(0)
    expect(relay.unanswered()).toBe(10)
    smsc.send(pdu(SUBMIT_RESP, 4, 'id\0'))
    expect(await esme.next()).toEqual(pdu(SUBMIT_RESP, 4, 'id\0'))
    expect(await smsc.next()).toEqual(pdu(submit_sm, 11))
  })

  it('are forgotten in the end, so that a session does not stand still', async () => {
    const limits = { ...defaultRelayLimits, unanswered: 1, forgetMs: 50 }
    const { esme, smsc } = await join({ limits })
    esme.send(pdu(submit_sm, 1))
    await smsc.next()
    esme.send(pdu(submit_sm, 2))
    expect(await smsc.next()).toEqual(pdu(submit_sm, 2))
  })
})

const silent = { ...defaultTimers, enquireLinkMs: 100, responseMs: 150 }

/** Answers our own enquire_links and nothing else, as peers that live do. */
const keepAlive = (peer: RawPeer): void => {
  void peer.next().then(
    (request) => {
      const { commandId, sequence } = readPdu(request)
      if (commandId === enquire_link) peer.send(pdu(ENQUIRE_RESP, sequence))
      keepAlive(peer)
    },
    () => undefined,
  )
}

describe('an enquire_link of ours', () => {
  it('is sent on silent legs, and its answer is not passed on (J8)', async () => {
    const { esme, smsc } = await join({ timers: { ...silent, responseMs: 60_000 } })
    for (const peer of [esme, smsc]) {
      const { commandId, sequence } = readPdu(await peer.next())
      expect(commandId).toBe(enquire_link)
      expect(sequence).toBeGreaterThanOrEqual(FIRST_OWN)
      peer.send(pdu(ENQUIRE_RESP, sequence), pdu(enquire_link, 5))
    }
    expect(await esme.next()).toEqual(pdu(enquire_link, 5))
    expect(await smsc.next()).toEqual(pdu(enquire_link, 5))
  })

  it('steals no response of a client that uses its number (J8)', async () => {
    const { esme, smsc } = await join({ timers: { ...silent, responseMs: 60_000 } })
    const { sequence } = readPdu(await smsc.next())
    esme.send(pdu(submit_sm, sequence), pdu(enquire_link, sequence))
    expect(await smsc.next()).toEqual(pdu(submit_sm, sequence))
    expect(await smsc.next()).toEqual(pdu(enquire_link, sequence))
    await esme.next()
    smsc.send(pdu(SUBMIT_RESP, sequence, 'id\0'), pdu(ENQUIRE_RESP, sequence))
    smsc.send(pdu(ENQUIRE_RESP, sequence))
    expect(await esme.next()).toEqual(pdu(SUBMIT_RESP, sequence, 'id\0'))
    expect(await esme.next()).toEqual(pdu(ENQUIRE_RESP, sequence))
    smsc.send(pdu(deliver_sm, 1))
    expect(await esme.next()).toEqual(pdu(deliver_sm, 1))
  })

  it.each(sides)('without an answer ends the session: %s', async (side, deaf, alive) => {
    const joined = await join({ timers: silent, endTimes: times })
    keepAlive(joined[alive])
    expect(await joined.end).toBe(`${side}-silent`)
    expect(joined[deaf].untaken().readUInt32BE(4)).toBe(enquire_link)
  })

  it('with answers keeps it alive', async () => {
    const { esme, smsc, end } = await join({ timers: silent })
    keepAlive(esme)
    keepAlive(smsc)
    expect(await Promise.race([end, pause(800)])).toBeUndefined()
  })

  it('finds out whether a client is there', async () => {
    const { relay, esme } = await join()
    const probe = (ms: number): Promise<boolean> =>
      new Promise((resolve) => {
        relay.probe(ms, resolve)
      })
    const dead = probe(100)
    const { sequence } = readPdu(await esme.next())
    expect(await dead).toBe(false)
    const live = probe(60_000)
    expect(readPdu(await esme.next()).sequence).not.toBe(sequence)
    esme.send(pdu(ENQUIRE_RESP, sequence))
    expect(await live).toBe(true)
  })
})

describe('a session', () => {
  it('that does no work for long enough is unbound on both legs', async () => {
    const timers = { ...defaultTimers, inactivityMs: 300 }
    const joined: Joined = await join({ timers, endTimes: times })
    joined.esme.send(pdu(enquire_link, 1))
    await joined.smsc.next()
    joined.smsc.send(pdu(ENQUIRE_RESP, 1))
    await joined.esme.next()
    for (const peer of [joined.esme, joined.smsc])
      expect(readPdu(await peer.next()).commandId).toBe(unbind)
    expect(await joined.end).toBe('inactive')
  })

  it.each(sides)('whose %s never ends a PDU is closed', async (side, slow, other, command) => {
    const timers = { ...defaultTimers, pduMs: 300 }
    const joined = await join({ timers, endTimes: times })
    const bytes = pdu(command, 1, Buffer.alloc(100))
    for (const octet of bytes.subarray(0, 40)) {
      joined[slow].send(Buffer.of(octet))
      await pause(10)
    }
    expect(await joined.end).toBe(`${side}-incomplete`)
    expect(readPdu(joined[other].untaken()).commandId).toBe(unbind)
    expect(readPdu(joined[other].untaken()).status).toBe(statuses.ESME_ROK)
  })

  it('goes on while whole PDUs come slowly, one behind the other', async () => {
    const { esme, smsc, end } = await join({ timers: { ...defaultTimers, pduMs: 200 } })
    const bytes = Buffer.concat(Array.from({ length: 6 }, (_, index) => pdu(submit_sm, index)))
    for (let at = 0; at < bytes.length; at += 12) {
      esme.send(bytes.subarray(at, at + 12))
      await pause(50)
    }
    expect(await smsc.take(bytes.length)).toEqual(bytes)
    expect(await Promise.race([end, pause(10)])).toBeUndefined()
  })
})
