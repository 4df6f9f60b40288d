import { describe, expect, it } from 'vitest'
import {
  commands,
  GENERIC_NACK,
  PDU_OCTETS,
  responseTo,
  statuses,
  type Command,
} from '../../../gateway/smpp/constants.ts'
import { createCertificate } from '../../support/certificate.ts'
import { pdu, readPdu } from '../../support/pdu.ts'
import type { RawPeer } from '../../support/raw-peer.ts'
import { join } from '../../support/smpp-relay.ts'
import { defaultRelayLimits } from '../../support/smpp-defaults.ts'

const fromEsme: readonly Command[] = [
  'submit_sm',
  'submit_multi',
  'data_sm',
  'query_sm',
  'cancel_sm',
  'replace_sm',
  'broadcast_sm',
  'query_broadcast_sm',
  'cancel_broadcast_sm',
  'enquire_link',
]
const fromSmsc: readonly Command[] = ['deliver_sm', 'data_sm', 'enquire_link']

const ids = (asked: readonly Command[], answered: readonly Command[]): number[] => [
  ...asked.map((name) => commands[name]),
  ...answered.map((name) => responseTo(commands[name])),
  GENERIC_NACK,
  0x00010200,
  0x800102ff,
]
const idsFromEsme = ids(fromEsme, fromSmsc)
const idsFromSmsc = [...ids(fromSmsc, fromEsme), commands.alert_notification]

const free = { limits: { ...defaultRelayLimits, unanswered: Infinity } }

/** mulberry32: the same numbers in every run. */
const createNumbers = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
}

const randomFrame = (next: () => number, from: readonly number[]): Buffer => {
  const kind = next() % 1_000
  const octets = kind === 0 ? next() % (PDU_OCTETS - 15) : kind < 100 ? next() % 2_000 : next() % 90
  const body = Buffer.alloc(octets)
  for (let at = 0; at + 4 <= octets; at += 4) body.writeUInt32BE(next(), at)
  const sequence = next() % 3 === 0 ? 0x7fffff00 + (next() % 0x200) : next()
  const status = next() % 4 === 0 ? next() : 0
  return pdu(from[next() % from.length] ?? 0, sequence, body, { status })
}

/** Sends frames in pieces of any length, and awaits the same octets at the other end. */
const passes = async (
  frames: readonly Buffer[],
  from: RawPeer,
  to: RawPeer,
  next: () => number,
): Promise<boolean> => {
  const bytes = Buffer.concat(frames)
  const taken = to.take(bytes.length)
  for (let at = 0; at < bytes.length;) {
    const octets = next() % 50 === 0 ? 1 + (next() % 20) : 1 + (next() % 100_000)
    const isFlushed = from.socket.write(bytes.subarray(at, at + octets))
    if (!isFlushed) await new Promise((resolve) => from.socket.once('drain', resolve))
    at += octets
  }
  return (await taken).equals(bytes)
}

describe('the legs of a relay carry the same octets (J5)', () => {
  it('for every command that may pass', async () => {
    const { esme, smsc, counts } = await join()
    for (const id of idsFromEsme) {
      const sent = pdu(id, 0, 'body\0\xff\x14\0\0\x01x', { status: id < 0x80000000 ? 0 : 0x45 })
      esme.send(sent)
      expect(await smsc.next()).toEqual(sent)
    }
    for (const id of idsFromSmsc) {
      const sent = pdu(id, 0xffffffff, 'body\0\x80', { status: 0x14 })
      smsc.send(sent)
      expect(await esme.next()).toEqual(sent)
    }
    expect(counts).toEqual({ fromClient: idsFromEsme.length, fromUpstream: idsFromSmsc.length })
  })

  it('for a message_payload of 64 KiB less one', async () => {
    const { esme, smsc } = await join()
    const payload = Buffer.concat([Buffer.from([0x04, 0x24, 0xff, 0xff]), Buffer.alloc(65_535, 7)])
    const sent = pdu(commands.submit_sm, 1, payload)
    esme.send(sent)
    expect((await smsc.next()).equals(sent)).toBe(true)
  })

  it('over TLS, for some thousand random frames', async () => {
    const { esme, smsc } = await join(free, createCertificate('localhost'))
    const next = createNumbers(11)
    const submits = Array.from({ length: 5_000 }, () => randomFrame(next, idsFromEsme))
    const delivers = Array.from({ length: 5_000 }, () => randomFrame(next, idsFromSmsc))
    expect(
      await Promise.all([
        passes(submits, esme, smsc, createNumbers(13)),
        passes(delivers, smsc, esme, createNumbers(17)),
      ]),
    ).toEqual([true, true])
  })

  it('for 100,000 random frames, both ways at once', { timeout: 60_000 }, async () => {
    const { esme, smsc, relay } = await join(free)
    const next = createNumbers(3)
    const submits = Array.from({ length: 50_000 }, () => randomFrame(next, idsFromEsme))
    const delivers = Array.from({ length: 50_000 }, () => randomFrame(next, idsFromSmsc))
    expect(
      await Promise.all([
        passes(submits, esme, smsc, createNumbers(5)),
        passes(delivers, smsc, esme, createNumbers(7)),
      ]),
    ).toEqual([true, true])
    expect(relay.unanswered()).toBeGreaterThan(10_000)
  })
})

describe('a relay answers itself and passes nothing on', () => {
  const rows: readonly [string, 'esme' | 'smsc', number, number, number][] = [
    ['deliver_sm of an ESME', 'esme', 0x05, 0x80000005, statuses.ESME_RINVBNDSTS],
    ['alert_notification of an ESME', 'esme', 0x102, GENERIC_NACK, statuses.ESME_RINVBNDSTS],
    ['outbind of an ESME', 'esme', 0x0b, GENERIC_NACK, statuses.ESME_RINVBNDSTS],
    ['outbind of an SMSC', 'smsc', 0x0b, GENERIC_NACK, statuses.ESME_RINVBNDSTS],
    ['submit_sm of an SMSC', 'smsc', 0x04, 0x80000004, statuses.ESME_RINVBNDSTS],
    ['a bind of an SMSC', 'smsc', 0x09, 0x80000009, statuses.ESME_RINVBNDSTS],
    ['a second bind_transceiver', 'esme', 0x09, 0x80000009, statuses.ESME_RALYBND],
    ['a second bind_transmitter', 'esme', 0x02, 0x80000002, statuses.ESME_RALYBND],
    ['a second bind_receiver', 'esme', 0x01, 0x80000001, statuses.ESME_RALYBND],
    ['an unknown command', 'esme', 0x0a, GENERIC_NACK, statuses.ESME_RINVCMDID],
    ['an unknown command upstream', 'smsc', 0x7fffffff, GENERIC_NACK, statuses.ESME_RINVCMDID],
  ]
  it.each(rows)('%s (J4)', async (_what, from, id, response, status) => {
    const joined = await join()
    const other = from === 'esme' ? joined.smsc : joined.esme
    joined[from].send(pdu(id, 0xfffffffe, 'body'), pdu(commands.enquire_link, 2))
    expect(readPdu(await joined[from].next())).toEqual({
      commandId: response,
      status,
      sequence: 0xfffffffe,
      body: '',
    })
    expect(readPdu(await other.next()).commandId).toBe(commands.enquire_link)
  })

  it.each([
    ['an unknown response', 'esme', 0x8000000a],
    ['submit_sm_resp of an ESME', 'esme', 0x80000004],
    ['a late bind response of an SMSC', 'smsc', 0x80000009],
    ['deliver_sm_resp of an SMSC', 'smsc', 0x80000005],
  ] as const)('nothing to %s, which is dropped', async (_what, from, id) => {
    const joined = await join()
    const other = from === 'esme' ? joined.smsc : joined.esme
    joined[from].send(pdu(id, 9, 'body'), pdu(commands.enquire_link, 2))
    expect(readPdu(await other.next()).commandId).toBe(commands.enquire_link)
    expect(joined[from].untaken()).toHaveLength(0)
  })

  it.each([
    ['receiver', 'esme', 'submit_sm'],
    ['receiver', 'esme', 'query_sm'],
    ['transmitter', 'smsc', 'deliver_sm'],
  ] as const)('while bound as %s, to %s that sends %s', async (type, from, command) => {
    const joined = await join({ type })
    joined[from].send(pdu(commands[command], 5, 'body'))
    expect(readPdu(await joined[from].next())).toEqual({
      commandId: responseTo(commands[command]),
      status: statuses.ESME_RINVBNDSTS,
      sequence: 5,
      body: '',
    })
  })

  it('with RTHROTTLED beyond the user’s budget, and passes on the rest', async () => {
    let left = 2
    const { esme, smsc } = await join({ mayPass: () => left-- > 0 })
    esme.send(...[1, 2, 3, 4].map((sequence) => pdu(commands.submit_sm, sequence, 'text')))
    esme.send(pdu(commands.query_sm, 5))
    expect(await smsc.next()).toEqual(pdu(commands.submit_sm, 1, 'text'))
    expect(await smsc.next()).toEqual(pdu(commands.submit_sm, 2, 'text'))
    expect(await smsc.next()).toEqual(pdu(commands.query_sm, 5))
    const throttled = { status: statuses.ESME_RTHROTTLED }
    expect(await esme.next()).toEqual(pdu(0x80000004, 3, '', throttled))
    expect(await esme.next()).toEqual(pdu(0x80000004, 4, '', throttled))
  })
})
