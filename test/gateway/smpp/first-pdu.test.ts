import { createServer, type AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import { commands, GENERIC_NACK, statuses } from '../../../gateway/smpp/constants.ts'
import { readFirstPdu, refuseBind, type FirstPdu } from '../../../gateway/smpp/first-pdu.ts'
import { createTicker } from '../../../gateway/smpp/ticker.ts'
import { bindBody, pdu } from '../../support/pdu.ts'
import { connectedPair, connectPeer, type RawPeer } from '../../support/raw-peer.ts'
import { defaultTimers } from '../../support/smpp-defaults.ts'
import { until } from '../../support/smpp-pair.ts'

const { bind_transceiver, submit_sm, enquire_link, unbind, outbind } = commands
const elapsed = (): number => performance.now()
const bind = pdu(bind_transceiver, 7, bindBody())

type Opened = {
  esme: RawPeer
  first: Promise<FirstPdu>
  near: Awaited<ReturnType<typeof connectedPair>>[0]
  ticker: ReturnType<typeof createTicker>
}

const open = async (initMs = defaultTimers.initMs): Promise<Opened> => {
  const [near, esme] = await connectedPair()
  const ticker = createTicker(elapsed, 10)
  const timers = { ...defaultTimers, initMs }
  const options = { acceptedAt: elapsed(), timers, ticker, closeMs: 200 }
  const first = new Promise<FirstPdu>((resolve) => {
    readFirstPdu(near, options, resolve)
  })
  return { esme, first, near, ticker }
}

describe('the first PDU of a connection', () => {
  it('is a bind, also octet by octet', async () => {
    const { esme, first, ticker } = await open()
    for (const octet of bind) {
      esme.send(Buffer.of(octet))
      await new Promise(setImmediate)
    }
    expect(await first).toMatchObject({ type: 'transceiver', systemId: 'alice', pdu: bind })
    expect(ticker.size()).toBe(0)
  })

  it('leaves what comes behind it in the socket, unread (J3)', async () => {
    const { esme, first, near } = await open()
    const behind = Buffer.concat([pdu(submit_sm, 8, 'text'), pdu(submit_sm, 9)])
    esme.send(bind, behind)
    await first
    let read = Buffer.alloc(0)
    near.on('data', (chunk: Buffer) => (read = Buffer.concat([read, chunk])))
    await until(() => near.readableLength + read.length === behind.length)
    expect(read).toHaveLength(0)
    near.resume()
    await until(() => read.length >= behind.length)
    expect(read).toEqual(behind)
  })

  it('that is a broken bind is told with what its answer needs, and left to be refused', async () => {
    const { esme, first, near } = await open()
    esme.send(pdu(bind_transceiver, 7, bindBody({ systemId: 'al\x80ce\0' })), pdu(submit_sm, 8))
    const fault = await first
    expect(fault).toEqual({
      fault: 'not-printable',
      field: 'system_id',
      commandId: bind_transceiver,
      sequence: 7,
    })
    refuseBind(near, { commandId: bind_transceiver, sequence: 7 }, statuses.ESME_RBINDFAIL, 200)
    await esme.ended
    expect(esme.untaken()).toEqual(pdu(0x80000009, 7, '', { status: statuses.ESME_RBINDFAIL }))
  })
})

const { ESME_RINVBNDSTS, ESME_RINVCMDID, ESME_RINVCMDLEN } = statuses
const none = Buffer.alloc(0)
const tooLong = pdu(GENERIC_NACK, 0, '', { status: ESME_RINVCMDLEN })

const refused: readonly [string, Buffer, Buffer, FirstPdu][] = [
  [
    'submit_sm',
    pdu(submit_sm, 3, 'text'),
    pdu(0x80000004, 3, '', { status: ESME_RINVBNDSTS }),
    'not-a-bind',
  ],
  [
    'enquire_link',
    pdu(enquire_link, 3),
    pdu(0x80000015, 3, '', { status: ESME_RINVBNDSTS }),
    'not-a-bind',
  ],
  ['unbind', pdu(unbind, 3), pdu(0x80000006, 3, '', { status: ESME_RINVBNDSTS }), 'not-a-bind'],
  [
    'outbind',
    pdu(outbind, 3, 'a\0b\0'),
    pdu(GENERIC_NACK, 3, '', { status: ESME_RINVBNDSTS }),
    'not-a-bind',
  ],
  [
    'an unknown command',
    pdu(0x0a, 0xffffffff),
    pdu(GENERIC_NACK, 0xffffffff, '', { status: ESME_RINVCMDID }),
    'not-a-bind',
  ],
  ['bind_transceiver_resp', pdu(0x80000009, 3, 'smsc\0'), none, 'not-a-bind'],
  ['deliver_sm_resp', pdu(0x80000005, 3, '\0'), none, 'not-a-bind'],
  ['generic_nack', pdu(GENERIC_NACK, 3), none, 'not-a-bind'],
  ...[0, 2, 4, 15].map((length): [string, Buffer, Buffer, FirstPdu] => [
    `a length of ${length}`,
    pdu(bind_transceiver, 3, '', { length }),
    tooLong,
    'length-too-small',
  ]),
  ...[513, 0x7fffffff, 0xffffffff].map((length): [string, Buffer, Buffer, FirstPdu] => [
    `a length of ${length}`,
    pdu(bind_transceiver, 3, '', { length }),
    tooLong,
    'length-too-large',
  ]),
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), tooLong, 'length-too-large'],
  ['TLS', Buffer.from('16030100c8010000c4', 'hex'), tooLong, 'length-too-large'],
  ['four octets that cannot begin a PDU', Buffer.from('GET '), tooLong, 'length-too-large'],
]

describe('a connection that does not begin with a bind (J1, J3)', () => {
  it.each(refused)('but with %s is answered and closed', async (_what, sent, answer, why) => {
    const { esme, first, ticker } = await open()
    esme.send(sent)
    await esme.ended
    expect(esme.untaken()).toEqual(answer)
    expect(await first).toBe(why)
    expect(ticker.size()).toBe(0)
  })

  it.each([
    ['with nothing', none],
    ['with half a header', bind.subarray(0, 3)],
    ['with all but one octet', bind.subarray(0, -1)],
  ])('in time, but %s, is closed at the deadline without a word', async (_what, sent) => {
    const { esme, first } = await open(150)
    esme.send(sent)
    await esme.ended
    expect(esme.untaken()).toHaveLength(0)
    expect(await first).toBe('session-init-timeout')
  })

  it('but comes and goes is nothing to talk about', async () => {
    for (const leave of ['end', 'resetAndDestroy', 'destroy'] as const) {
      const { esme, first, near } = await open()
      esme.socket[leave]()
      expect(await first).toBe('closed')
      if (!near.closed) await new Promise((resolve) => near.once('close', resolve))
    }
  })

  it('and keeps talking is cut off soon after', async () => {
    const { esme, first, near } = await open()
    esme.send(pdu(submit_sm, 1))
    await first
    const talk = setInterval(() => esme.socket.write(Buffer.alloc(1_000)), 5)
    await new Promise((resolve) => near.once('close', resolve))
    clearInterval(talk)
  })
})

describe('many connections that say nothing', () => {
  it('are closed at their deadlines with one timer for all', async () => {
    const ticker = createTicker(elapsed, 20)
    const ends: Promise<FirstPdu>[] = []
    const server = createServer((socket) => {
      const timers = { ...defaultTimers, initMs: 300 }
      const options = { acceptedAt: elapsed(), timers, ticker, closeMs: 100 }
      const end = Promise.withResolvers<FirstPdu>()
      readFirstPdu(socket, options, end.resolve)
      ends.push(end.promise)
    })
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    const { port } = server.address() as AddressInfo
    const peers = await Promise.all(Array.from({ length: 200 }, () => connectPeer(port)))
    await Promise.all(peers.map(({ ended }) => ended))
    expect(new Set(await Promise.all(ends))).toEqual(new Set(['session-init-timeout']))
    expect(ticker.size()).toBe(0)
    server.close()
  })
})
