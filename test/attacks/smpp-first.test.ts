import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findUserByName } from '../../db/user-rows.ts'
import { commands, GENERIC_NACK, PDU_OCTETS, statuses } from '../../gateway/smpp/constants.ts'
import { cutPdus, pdu, readPdu } from '../support/pdu.ts'
import { connectPeer, type RawPeer } from '../support/raw-peer.ts'
import { answerAll } from '../support/recording-smsc.ts'
import {
  alicesSecret,
  bind,
  bindPdu,
  bound,
  startSmppPair,
  unbind,
  until,
  type SmppPair,
} from '../support/smpp-pair.ts'

const INIT_MS = 1_500

let pair: SmppPair
/** A session of somebody else's, which has to live through everything. */
let bystander: RawPeer
/** What the SMSC does with a bind of `slow`. */
let released = Promise.withResolvers<undefined>()

beforeAll(async () => {
  pair = await startSmppPair({
    file: { smppLimits: { timers: { initMs: INIT_MS } } },
    users: [
      { username: 'slow', password: 'slow-secret-01' },
      { username: 'Mixed-Case', password: 'mixed-secret-1' },
    ],
    answer: (request, from) => {
      if (!request.includes('slow')) return answerAll(request, from)
      void released.promise.then(() => {
        from.peer.send(...answerAll(Buffer.from(request), from))
      })
      return []
    },
  })
  bystander = await bound(pair.gateway.smppPort)
})
afterEach(async () => {
  bystander.send(pdu(commands.enquire_link, 3))
  expect(readPdu(await bystander.next()).commandId).toBe(0x80000015)
})
afterAll(() => pair.stop())

/** Sends octets and reads until the close; nothing of it may reach the SMSC. */
const talk = async (...parts: readonly Buffer[]): Promise<Buffer> => {
  const before = pair.smsc.recorded.length
  const peer = await connectPeer(pair.gateway.smppPort)
  peer.send(...parts)
  await peer.ended
  expect(pair.smsc.recorded).toHaveLength(before)
  return peer.untaken()
}

const tooLong = pdu(GENERIC_NACK, 0, '', { status: statuses.ESME_RINVCMDLEN })
const hello = Buffer.from('1603010200010001fc0303', 'hex')

describe('what is no PDU is told so and closed (J1)', () => {
  test.each([0, 2, 4, 15, 513, 0x7fff_ffff, 0xffff_ffff])('a length of %i', async (length) => {
    expect(await talk(pdu(commands.bind_transceiver, 1, 'x', { length }))).toEqual(tooLong)
  })
  test.each([
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
    ['a TLS hello', hello],
    ['a PROXY header of version 1', Buffer.from('PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\n')],
    ['a PROXY header of version 2', Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c')],
    ['a megabyte of 0xff', Buffer.alloc(1_048_576, 0xff)],
  ])('%s', async (_, octets) => {
    expect(await talk(octets)).toEqual(tooLong)
  })

  test.each([
    ['nothing', 0],
    ['an octet now and then', 40],
    ['a length and no more', 4],
  ])('%s: closed at the deadline, without a word', async (_, octets) => {
    const began = performance.now()
    const peer = await connectPeer(pair.gateway.smppPort)
    const bytes = bindPdu()
    let sent = 0
    const drip = setInterval(() => {
      if (sent < octets) peer.send(bytes.subarray(sent, ++sent))
    }, 40)
    await peer.ended
    clearInterval(drip)
    expect(performance.now() - began).toBeGreaterThanOrEqual(INIT_MS)
    expect(performance.now() - began).toBeLessThan(INIT_MS + 5_000)
    expect(peer.untaken()).toHaveLength(0)
  })
})

const alice = { systemId: 'alice\0', password: `${alicesSecret}\0` }

describe('a bind that cannot be read is refused like any other (J2)', () => {
  test.each([
    ['a system_id without its end', { systemId: 'a'.repeat(60), password: 'b', addressRange: 'c' }],
    ['a password without its end', { ...alice, password: alicesSecret, systemType: '' }],
    ['a system_id with bit 7 set', { ...alice, systemId: '\xe1lice\0' }],
    ['a password with bit 7 set', { ...alice, password: `\xe1${alicesSecret}\0` }],
    ['a system_id with a control character', { ...alice, systemId: 'ali\x07ce\0' }],
    ['a system_id with a line end', { ...alice, systemId: 'alice\n\0' }],
    ['a password with DEL', { ...alice, password: `${alicesSecret}\x7f\0` }],
    ['a system_id of 65 octets', { ...alice, systemId: `${'a'.repeat(65)}\0` }],
    ['a password of 65 octets', { ...alice, password: `${'a'.repeat(65)}\0` }],
    ['a second NUL', { ...alice, systemId: 'alice\0\0' }],
    ['no numbers', { ...alice, numbers: '' }],
    ['something behind it', { ...alice, tlvs: 'x' }],
    ['a TLV that is cut', { ...alice, tlvs: '\x14\0\0\x05ab' }],
    ['__proto__', { ...alice, systemId: '__proto__\0' }],
    ['constructor', { ...alice, systemId: 'constructor\0' }],
    ['no name', { ...alice, systemId: '\0' }],
    ['a blank behind the name', { ...alice, systemId: 'alice \0' }],
  ])('%s', async (_, body) => {
    const refused = pdu(0x80000009, 7, '', { status: statuses.ESME_RBINDFAIL })
    expect(await talk(bindPdu({ sequence: 7, body }))).toEqual(refused)
  })

  test('and the name that was decided is the name that is sent, as it is written with us', async () => {
    const { database } = pair.gateway.core
    expect((await findUserByName(database, 'mixed-case'))?.username).toBe('Mixed-Case')
    for (const username of ['Mixed-Case', 'mixed-case', 'MIXED-CASE']) {
      const peer = await bound(pair.gateway.smppPort, { username, password: 'mixed-secret-1' })
      const [sent] = cutPdus(Buffer.concat(pair.smsc.recorded.at(-1)?.heard ?? [])).pdus
      expect(sent).toEqual(bindPdu({ username: 'Mixed-Case', password: 'mixed-secret-1' }))
      peer.socket.destroy()
    }
  })
})

describe('before a bind nothing reaches the SMSC (J3)', () => {
  const misplaced = (responseId: number): Buffer =>
    pdu(responseId, 7, '', { status: statuses.ESME_RINVBNDSTS })
  test.each([
    ['submit_sm', commands.submit_sm, misplaced(0x80000004)],
    ['enquire_link', commands.enquire_link, misplaced(0x80000015)],
    ['unbind', commands.unbind, misplaced(0x80000006)],
    ['outbind', commands.outbind, misplaced(GENERIC_NACK)],
    ['deliver_sm', commands.deliver_sm, misplaced(0x80000005)],
    ['submit_sm_resp', 0x80000004, Buffer.alloc(0)],
    ['bind_transceiver_resp', 0x80000009, Buffer.alloc(0)],
    ['generic_nack', GENERIC_NACK, Buffer.alloc(0)],
    [
      'an unknown command',
      0x0fff_ffff,
      pdu(GENERIC_NACK, 7, '', { status: statuses.ESME_RINVCMDID }),
    ],
  ])('%s', async (_, commandId, answer) => {
    expect(await talk(pdu(commandId, 7, 'body'), bindPdu())).toEqual(answer)
  })

  test('a submit_sm behind a bind waits for the answer', async () => {
    released = Promise.withResolvers()
    const peer = await connectPeer(pair.gateway.smppPort)
    const before = pair.smsc.recorded.length
    const request = bindPdu({ username: 'slow', password: 'slow-secret-01' })
    const submit = pdu(commands.submit_sm, 2, 'text')
    peer.send(request, submit, submit.subarray(0, 9))
    await until(() => (pair.smsc.recorded[before]?.heard.length ?? 0) > 0)
    // What the gateway has by then it has read.
    await unbind(await bound(pair.gateway.smppPort))
    const heard = (): Buffer => Buffer.concat(pair.smsc.recorded[before]?.heard ?? [])
    expect(heard()).toEqual(request)
    released.resolve(undefined)
    expect(readPdu(await peer.next())).toMatchObject({ commandId: 0x80000009, status: 0 })
    expect(readPdu(await peer.next())).toMatchObject({ commandId: 0x80000004, body: 'id-2\0' })
    expect(heard()).toEqual(Buffer.concat([request, submit]))
    peer.socket.destroy()
  })

  test('a submit_sm behind a bind that is refused goes nowhere', async () => {
    const submit = pdu(commands.submit_sm, 2, 'text')
    const refused = pdu(0x80000009, 1, '', { status: statuses.ESME_RBINDFAIL })
    expect(await talk(bindPdu({ password: 'wrong' }), submit, submit)).toEqual(refused)
  })
})

describe('a PDU at the limit passes, and one above closes (J6)', () => {
  const bindOf = (octets: number): Buffer => {
    const missing = octets - bindPdu().length - 4
    const tlv = Buffer.concat([Buffer.from([0x14, 0, 0, 0]), Buffer.alloc(missing, 7)])
    tlv.writeUInt16BE(missing, 2)
    return bindPdu({ body: { ...alice, tlvs: tlv.toString('latin1') } })
  }

  test('a bind', async () => {
    const peer = await connectPeer(pair.gateway.smppPort)
    peer.send(bindOf(512))
    expect(readPdu(await peer.next()).status).toBe(0)
    peer.socket.destroy()
    expect(await talk(bindOf(513))).toEqual(tooLong)
  })

  test('a message', async () => {
    const { peer } = await bind(pair.gateway.smppPort)
    const { heard } = pair.smsc.recorded.at(-1) ?? { heard: [] }
    peer.send(pdu(commands.submit_sm, 2, Buffer.alloc(PDU_OCTETS - 16, 7)))
    expect(readPdu(await peer.next())).toMatchObject({ status: 0, sequence: 2 })
    peer.send(pdu(commands.submit_sm, 3, Buffer.alloc(PDU_OCTETS - 15, 7)))
    expect(await peer.next()).toEqual(tooLong)
    await peer.ended
    await until(() => Buffer.concat(heard).length >= 16)
    const { pdus, rest } = cutPdus(Buffer.concat(heard))
    expect(pdus.map((each) => readPdu(each).sequence)).not.toContain(3)
    expect(rest).toHaveLength(0)
  })
})
