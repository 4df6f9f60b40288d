import { describe, expect, it } from 'vitest'
import { commands, GENERIC_NACK, PDU_OCTETS, statuses } from '../../../gateway/smpp/constants.ts'
import { FIRST_OWN } from '../../../gateway/smpp/sequence.ts'
import { cutPdus, pdu, readPdu } from '../../support/pdu.ts'
import type { RawPeer } from '../../support/raw-peer.ts'
import { join, type Joined } from '../../support/smpp-relay.ts'

const { submit_sm, deliver_sm, enquire_link, unbind } = commands
const SUBMIT_RESP = 0x80000004
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

describe('a leg that is lost', () => {
  it('upstream with ten submits in flight: RSYSERR to each, then unbind (J10)', async () => {
    const joined = await join({ endTimes: times })
    const sequences = Array.from({ length: 10 }, (_, index) => 0xfffffff0 + index)
    joined.esme.send(...sequences.map((sequence) => pdu(submit_sm, sequence, 'text')))
    await joined.smsc.take(sequences.length * 20)
    joined.smsc.socket.destroy()
    const answers = cutPdus(await joined.esme.take(sequences.length * 16)).pdus.map(readPdu)
    expect(answers.toSorted((a, b) => a.sequence - b.sequence)).toEqual(
      sequences.map((sequence) => ({
        commandId: SUBMIT_RESP,
        status: statuses.ESME_RSYSERR,
        sequence,
        body: '',
      })),
    )
    await answerUnbind(joined.esme)
    expect(await joined.end).toBe('upstream-closed')
    isClean(joined)
  })

  it('the client: the upstream is unbound, and its deliveries stay unanswered', async () => {
    const joined = await withOneInFlight()
    joined.smsc.send(pdu(deliver_sm, 5, 'text'))
    await joined.esme.next()
    joined.esme.socket.resetAndDestroy()
    await answerUnbind(joined.smsc)
    expect(await joined.end).toBe('client-closed')
    expect(joined.smsc.untaken()).toHaveLength(0)
    isClean(joined)
  })

  it('the client behind submits that it sent: they go on before the unbind', async () => {
    const joined = await join({ endTimes: times })
    const sent = Buffer.concat(
      Array.from({ length: 500 }, (_, index) => pdu(submit_sm, index, Buffer.alloc(900))),
    )
    joined.esme.socket.end(Buffer.concat([sent, pdu(submit_sm, 501, 'part').subarray(0, 18)]))
    expect((await joined.smsc.take(sent.length)).equals(sent)).toBe(true)
    await answerUnbind(joined.smsc)
    expect(await joined.end).toBe('client-closed')
  })

  it('both at once', async () => {
    const joined = await withOneInFlight()
    joined.esme.socket.destroy()
    joined.smsc.socket.destroy()
    expect(await joined.end).toMatch(/-closed$/)
    isClean(joined)
  })

  it.each([
    ['client', 'esme'],
    ['upstream', 'smsc'],
  ] as const)('before it is joined: %s', async (side, peer) => {
    const first = await join()
    first.relay.end()
    first.esme.socket.destroy()
    first.smsc.socket.destroy()
    await first.end
    const joined = await join({ [side]: first[side], endTimes: times })
    await answerUnbind(joined[peer === 'esme' ? 'smsc' : 'esme'])
    expect(await joined.end).toBe(`${side}-closed`)
    expect(joined.ticker.size()).toBe(0)
  })

  it.each([
    ['esme', 15],
    ['esme', PDU_OCTETS + 1],
    ['esme', 0],
    ['smsc', 4],
    ['smsc', 0xffffffff],
  ] as const)('%s, by a command_length of %i (J1, J6)', async (from, length) => {
    const joined = await join({ endTimes: times })
    const other = from === 'esme' ? joined.smsc : joined.esme
    joined[from].send(pdu(enquire_link, 1), pdu(submit_sm, 2, '', { length }), pdu(submit_sm, 3))
    expect(await other.next()).toEqual(pdu(enquire_link, 1))
    expect(await joined[from].next()).toEqual(
      pdu(GENERIC_NACK, 0, '', { status: statuses.ESME_RINVCMDLEN }),
    )
    await answerUnbind(other)
    expect(await joined.end).toBe(from === 'esme' ? 'client-fault' : 'upstream-fault')
    expect(other.untaken()).toHaveLength(0)
    isClean(joined)
  })
})
