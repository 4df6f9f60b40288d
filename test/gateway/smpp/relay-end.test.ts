import { describe, expect, it } from 'vitest'
import { commands, statuses } from '../../../gateway/smpp/constants.ts'
import { FIRST_OWN } from '../../../gateway/smpp/sequence.ts'
import { createCertificate } from '../../support/certificate.ts'
import { pdu, readPdu } from '../../support/pdu.ts'
import type { RawPeer } from '../../support/raw-peer.ts'
import { join, type Joined } from '../../support/smpp-relay.ts'

const { submit_sm, deliver_sm, enquire_link, unbind, data_sm } = commands
const SUBMIT_RESP = 0x80000004
const DELIVER_RESP = 0x80000005
const ENQUIRE_RESP = 0x80000015
const UNBIND_RESP = 0x80000006

const times = { graceMs: 300, unbindMs: 500, closeMs: 100 }

/** The relay's own unbind, answered. */
const answerUnbind = async (peer: RawPeer): Promise<void> => {
  const { commandId, sequence } = readPdu(await peer.next())
  expect(commandId).toBe(unbind)
  expect(sequence).toBeGreaterThanOrEqual(FIRST_OWN)
  peer.send(pdu(UNBIND_RESP, sequence))
}

const isClean = ({ ticker, client, upstream }: Joined): void => {
  expect(ticker.size()).toBe(0)
  expect(client.destroyed && upstream.destroyed).toBe(true)
}

const withOneInFlight = async (changes: Parameters<typeof join>[0] = {}): Promise<Joined> => {
  const joined = await join({ endTimes: times, ...changes })
  joined.esme.send(pdu(submit_sm, 1, 'text'))
  await joined.smsc.next()
  return joined
}

describe('ending a session at our wish (J12)', () => {
  it('unbinds both legs at once when nothing is in flight', async () => {
    const joined = await join({ endTimes: { ...times, graceMs: 60_000 } })
    joined.relay.end()
    await Promise.all([answerUnbind(joined.esme), answerUnbind(joined.smsc)])
    expect(await joined.end).toBe('ended')
    isClean(joined)
  })

  it('lets responses flow first, and takes nothing new', async () => {
    const joined = await withOneInFlight({ endTimes: { ...times, graceMs: 60_000 } })
    const { esme, smsc, relay } = joined
    relay.end()
    esme.send(pdu(submit_sm, 2, 'late'), pdu(enquire_link, 3))
    smsc.send(pdu(deliver_sm, 4, 'late'), pdu(data_sm, 5), pdu(enquire_link, 6))
    const late = { status: statuses.ESME_RSYSERR }
    expect(await esme.next()).toEqual(pdu(SUBMIT_RESP, 2, '', late))
    expect(await esme.next()).toEqual(pdu(ENQUIRE_RESP, 3))
    const later = { status: statuses.ESME_RX_T_APPN }
    expect(await smsc.next()).toEqual(pdu(DELIVER_RESP, 4, '', later))
    expect(await smsc.next()).toEqual(pdu(0x80000103, 5, '', later))
    expect(await smsc.next()).toEqual(pdu(ENQUIRE_RESP, 6))
    smsc.send(pdu(SUBMIT_RESP, 1, 'id\0'))
    expect(await esme.next()).toEqual(pdu(SUBMIT_RESP, 1, 'id\0'))
    await Promise.all([answerUnbind(esme), answerUnbind(smsc)])
    expect(await joined.end).toBe('ended')
    isClean(joined)
  })

  it('passes responses on that come after the unbind', async () => {
    const joined = await withOneInFlight({ endTimes: { ...times, graceMs: 20 } })
    joined.relay.end()
    expect(readPdu(await joined.esme.next()).commandId).toBe(unbind)
    joined.smsc.send(pdu(SUBMIT_RESP, 1, 'id\0'))
    expect(await joined.esme.next()).toEqual(pdu(SUBMIT_RESP, 1, 'id\0'))
  })

  it('is in good order over TLS', async () => {
    const joined = await join({ endTimes: times }, createCertificate('localhost'))
    joined.esme.send(pdu(submit_sm, 1, 'text'))
    await joined.smsc.next()
    joined.relay.end()
    joined.smsc.send(pdu(SUBMIT_RESP, 1, 'id\0'))
    expect(await joined.esme.next()).toEqual(pdu(SUBMIT_RESP, 1, 'id\0'))
    await Promise.all([answerUnbind(joined.esme), answerUnbind(joined.smsc)])
    expect(await joined.end).toBe('ended')
    isClean(joined)
  })

  it('is over at the deadline when nobody answers', async () => {
    const joined = await withOneInFlight()
    const startedAt = performance.now()
    joined.relay.end()
    joined.relay.end()
    expect(await joined.end).toBe('ended')
    const tookMs = performance.now() - startedAt
    expect(tookMs).toBeGreaterThan(times.graceMs + times.unbindMs - 50)
    expect(tookMs).toBeLessThan(times.graceMs + times.unbindMs + 10_000)
    isClean(joined)
  })

  it('takes a crossing unbind of the peer for its answer', async () => {
    const joined = await withOneInFlight({ endTimes: { ...times, graceMs: 60_000 } })
    joined.relay.end()
    joined.esme.send(pdu(unbind, 9))
    expect(await joined.esme.next()).toEqual(pdu(UNBIND_RESP, 9))
    await answerUnbind(joined.smsc)
    expect(await joined.end).toBe('ended')
    isClean(joined)
  })
})

describe('an unbind of a peer', () => {
  it.each(['esme', 'smsc'] as const)('goes on, and so does its answer: %s', async (from) => {
    const joined = await join({ endTimes: times })
    const [leaver, other] = [joined[from], from === 'esme' ? joined.smsc : joined.esme]
    leaver.send(pdu(unbind, 77))
    expect(await other.next()).toEqual(pdu(unbind, 77))
    other.send(pdu(UNBIND_RESP, 77))
    expect(await leaver.next()).toEqual(pdu(UNBIND_RESP, 77))
    expect(await joined.end).toBe(from === 'esme' ? 'client-unbound' : 'upstream-unbound')
    expect(leaver.untaken()).toHaveLength(0)
    isClean(joined)
  })

  it('is answered for an upstream that closes instead', async () => {
    const joined = await join({ endTimes: times })
    joined.esme.send(pdu(unbind, 77))
    await joined.smsc.next()
    joined.smsc.socket.end()
    expect(await joined.esme.next()).toEqual(pdu(UNBIND_RESP, 77))
    expect(await joined.end).toBe('client-unbound')
    isClean(joined)
  })

  it('is not sent twice when the client closes without awaiting the answer', async () => {
    const joined = await join({ endTimes: times })
    joined.esme.send(pdu(unbind, 77))
    joined.esme.socket.end()
    expect(await joined.smsc.next()).toEqual(pdu(unbind, 77))
    joined.smsc.send(pdu(UNBIND_RESP, 77))
    expect(await joined.end).toBe('client-unbound')
    expect(joined.smsc.untaken()).toHaveLength(0)
    isClean(joined)
  })

  it('that is refused leaves the session as it was', async () => {
    const { esme, smsc, end } = await join({ endTimes: { ...times, unbindMs: 100 } })
    esme.send(pdu(unbind, 77))
    await smsc.next()
    smsc.send(pdu(UNBIND_RESP, 77, '', { status: statuses.ESME_RSYSERR }))
    await esme.next()
    // Of one that is never answered, and came later, the deadline is over.
    const later = await join({ endTimes: { ...times, unbindMs: 100 } })
    later.esme.send(pdu(unbind, 77))
    expect(await Promise.race([end, later.end.then(() => 'still open')])).toBe('still open')
    esme.send(pdu(submit_sm, 78))
    expect(await smsc.next()).toEqual(pdu(submit_sm, 78))
  })

  it('that is never answered closes both at the deadline', async () => {
    const joined = await join({ endTimes: times })
    joined.smsc.send(pdu(unbind, 77))
    expect(await joined.end).toBe('upstream-unbound')
    isClean(joined)
  })

  it('stops requests of whoever sent it, also if we end the session then', async () => {
    const joined = await join({ endTimes: times })
    joined.esme.send(pdu(unbind, 1))
    expect(await joined.smsc.next()).toEqual(pdu(unbind, 1))
    joined.relay.end()
    joined.esme.send(pdu(submit_sm, 2))
    expect(await joined.esme.next()).toEqual(
      pdu(SUBMIT_RESP, 2, '', { status: statuses.ESME_RSYSERR }),
    )
    expect(await joined.end).toBe('client-unbound')
    expect(joined.smsc.untaken()).toHaveLength(0)
  })
})
