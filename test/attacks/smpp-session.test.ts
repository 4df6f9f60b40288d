import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { commands, GENERIC_NACK, responseTo, statuses } from '../../gateway/smpp/constants.ts'
import { FIRST_OWN } from '../../gateway/smpp/sequence.ts'
import { countHashes, userKeyOf } from '../support/attempts.ts'
import { mixedSession } from '../support/mixed-session.ts'
import { createNumbers } from '../support/numbers.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import type { RawPeer } from '../support/raw-peer.ts'
import { answerBinds, startRecordingSmsc, type Recorded } from '../support/recording-smsc.ts'
import { bind, bindPdu, bound, startSmppPair, until, type SmppPair } from '../support/smpp-pair.ts'

const { submit_sm, deliver_sm, enquire_link } = commands
let pair: SmppPair

beforeAll(async () => {
  pair = await startSmppPair({
    answer: answerBinds,
    file: { smppLimits: { relay: { unanswered: 1_000_000 } } },
  })
})
afterAll(() => pair.stop())

const join = (parts: readonly Buffer[]): Buffer => Buffer.concat(parts)
const recordedOf = ({ smsc }: SmppPair): Recorded => {
  const recorded = smsc.recorded.at(-1)
  if (recorded === undefined) throw new Error('nothing came')
  return recorded
}

/** A session of alice's, of which both ends are the test's. */
const session = async (of = pair): Promise<{ esme: RawPeer; smsc: Recorded }> => {
  const esme = await bound(of.gateway.smppPort)
  return { esme, smsc: recordedOf(of) }
}

describe('J5 both legs of a session are equal, octet by octet, but for the bind', () => {
  test.each([
    ['with the client’s own credentials', ''],
    ['with mapped ones', 'far:secret@'],
  ])('for every kind of PDU, %s', async (_, mapped) => {
    const smscOfItsOwn = await startRecordingSmsc(answerBinds)
    onTestFinished(smscOfItsOwn.close)
    const env = { SMPP_UPSTREAM: `smpp://${mapped}127.0.0.1:${smscOfItsOwn.port}` }
    const of = { ...(await startSmppPair({ env })), smsc: smscOfItsOwn }
    onTestFinished(of.stop)
    const { peer: esme, octets: bindResponse } = await bind(of.gateway.smppPort)
    const smsc = recordedOf(of)
    const turns = mixedSession()
    const first = join(smsc.heard).length
    let heard = first
    for (const { from, octets } of turns) {
      if (from === 'esme') {
        heard += octets.length
        esme.send(octets)
        await until(() => join(smsc.heard).length >= heard)
      } else {
        smsc.peer.send(octets)
        expect((await esme.take(octets.length)).equals(octets)).toBe(true)
      }
    }
    await esme.ended
    const said = (by: string): Buffer =>
      join(turns.filter(({ from }) => from === by).map(({ octets }) => octets))
    const [system_id, password] = mapped === '' ? [] : ['far', 'secret']
    const as = system_id === undefined ? {} : { username: system_id, password: password ?? '' }
    expect(join(smsc.heard).equals(join([bindPdu(as), said('esme')]))).toBe(true)
    expect(join(smsc.said).equals(join([bindResponse, said('smsc')]))).toBe(true)
    expect(esme.untaken()).toHaveLength(0)
  })

  const ids = {
    esme: [submit_sm, commands.data_sm, commands.query_sm, enquire_link, 0x0001_0201],
    smsc: [deliver_sm, commands.data_sm, enquire_link, 0x0001_02ff],
  }
  const randomFrames = (seed: number, asks: readonly number[], answers: readonly number[]) => {
    const next = createNumbers(seed)
    const all = [...asks, ...answers.map(responseTo), GENERIC_NACK]
    return Array.from({ length: 5_000 }, () => {
      const body = Buffer.from(Array.from({ length: next() % 120 }, () => next() & 0xff))
      const sequence = next() % 3 === 0 ? FIRST_OWN + (next() % 0x200) : next()
      const status = next() % 4 === 0 ? next() : 0
      return pdu(all[next() % all.length] ?? 0, sequence, body, { status })
    })
  }

  test('for ten thousand random frames, both ways at once (seeds 31 and 37)', async () => {
    const { esme, smsc } = await session()
    const [up, down] = [
      join(randomFrames(31, ids.esme, ids.smsc)),
      join(randomFrames(37, ids.smsc, ids.esme)),
    ]
    const first = join(smsc.heard).length
    esme.socket.write(up)
    smsc.peer.socket.write(down)
    expect((await esme.take(down.length)).equals(down)).toBe(true)
    await until(() => smsc.heard.reduce((sum, { length }) => sum + length, 0) >= first + up.length)
    expect(join(smsc.heard).subarray(first).equals(up)).toBe(true)
    esme.socket.destroy()
  })
})

describe('J4 what may not come in a session goes no further, and the session lives', () => {
  test('a second bind is answered with RALYBND, and its password is not looked at', async () => {
    const { core } = pair.gateway
    const { esme, smsc } = await session()
    const { hashes } = countHashes(core)
    for (const command of ['bind_transceiver', 'bind_receiver', 'bind_transmitter'] as const)
      for (const password of ['wrong 1', 'wrong 2', 'alice-secret-1']) {
        esme.send(bindPdu({ command, password, sequence: 9 }))
        const status = statuses.ESME_RALYBND
        expect(await esme.next()).toEqual(pdu(responseTo(commands[command]), 9, '', { status }))
      }
    const userId = (await core.directory.find('alice'))?.user.id ?? ''
    expect(hashes()).toBe(0)
    expect(await core.attempts.state(userKeyOf(core, userId))).toEqual([])
    expect(join(smsc.heard)).toEqual(bindPdu())
    esme.send(pdu(submit_sm, 10, 'text'))
    await until(() => join(smsc.heard).includes('text'))
    esme.socket.destroy()
  })

  test.each([
    ['transmitter', 'esme', deliver_sm],
    ['transmitter', 'smsc', deliver_sm],
    ['receiver', 'esme', submit_sm],
    ['receiver', 'smsc', submit_sm],
    ['transceiver', 'esme', deliver_sm],
    ['transceiver', 'smsc', submit_sm],
    ['transceiver', 'smsc', commands.bind_transceiver],
  ] as const)('as %s, the %s sends %i', async (type, from, command) => {
    const esme = await bound(pair.gateway.smppPort, { command: `bind_${type}` })
    const smsc = recordedOf(pair)
    const before = join(smsc.heard).length
    const refused = { status: statuses.ESME_RINVBNDSTS }
    const answer = pdu(responseTo(command), 5, '', refused)
    if (from === 'esme') {
      esme.send(pdu(command, 5, 'body'))
      expect(await esme.next()).toEqual(answer)
      esme.send(pdu(enquire_link, 6))
      await until(() => join(smsc.heard).length > before)
      expect(join(smsc.heard).subarray(before)).toEqual(pdu(enquire_link, 6))
    } else {
      smsc.peer.send(pdu(command, 5, 'body'), pdu(enquire_link, 6))
      expect(await esme.next()).toEqual(pdu(enquire_link, 6))
      await until(() => join(smsc.heard).length > before)
      expect(join(smsc.heard).subarray(before)).toEqual(answer)
    }
    esme.socket.destroy()
  })
})

test('J8 an enquire_link of ours with the number of a client’s request steals no answer', async () => {
  const other = await startSmppPair({
    answer: answerBinds,
    file: { smppLimits: { timers: { enquireLinkMs: 1_000 } } },
  })
  onTestFinished(other.stop)
  const { esme, smsc } = await session(other)
  const before = bindPdu().length
  const asked = readPdu(await esme.next())
  expect(asked.commandId).toBe(enquire_link)
  await until(() => join(smsc.heard).length > before)
  const { sequence } = readPdu(join(smsc.heard).subarray(before))
  expect(sequence).toBeGreaterThanOrEqual(FIRST_OWN)
  esme.send(pdu(0x80000015, asked.sequence), pdu(submit_sm, sequence, 'x'))
  esme.send(pdu(enquire_link, sequence))
  await until(() => join(smsc.heard).length >= before + 16 + 17 + 16)
  smsc.peer.send(pdu(0x80000015, sequence), pdu(0x80000004, sequence, 'id\0'))
  smsc.peer.send(pdu(0x80000015, sequence))
  expect(await esme.next()).toEqual(pdu(0x80000004, sequence, 'id\0'))
  expect(await esme.next()).toEqual(pdu(0x80000015, sequence))
  esme.socket.destroy()
})
