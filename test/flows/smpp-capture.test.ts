import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../support/database.ts'
import type { TestOptions } from '../support/gateway.ts'
import { mixedSession } from '../support/mixed-session.ts'
import { commands, statuses } from '../../gateway/smpp/constants.ts'
import { pdu, readPdu } from '../support/pdu.ts'
import { connectPeer } from '../support/raw-peer.ts'
import { answerBinds, startRecordingSmsc } from '../support/recording-smsc.ts'
import { bind, bindPdu, bound, startSmppPair, until, type SmppPair } from '../support/smpp-pair.ts'
import {
  followStream,
  hasTshark,
  readCapture,
  requiresTshark,
  startCapture,
} from '../support/tshark.ts'

const length = (parts: readonly Buffer[]): number =>
  parts.reduce((sum, part) => sum + part.length, 0)

/** A gateway before an SMSC of which the test plays the part. */
const open = async (file: TestOptions['file'] = {}): Promise<SmppPair> => {
  const smsc = await startRecordingSmsc(answerBinds)
  const env = { SMPP_UPSTREAM: `smpp://far:secret@127.0.0.1:${smsc.port}` }
  const pair = await startSmppPair({ env, file })
  onTestFinished(async () => {
    await pair.stop()
    smsc.close()
  })
  return { ...pair, smsc }
}

/** Plays the mixed session; answers all octets that an ESME sent and was sent, but for the bind. */
const play = async ({ gateway, smsc }: SmppPair): Promise<{ up: Buffer; down: Buffer }> => {
  const esme = await bound(gateway.smppPort)
  const recorded = smsc.recorded.at(-1)
  const turns = mixedSession()
  let octetsUp = length(recorded?.heard ?? [])
  for (const { from, octets } of turns)
    if (from === 'smsc') {
      recorded?.peer.send(octets)
      await esme.take(octets.length)
    } else {
      octetsUp += octets.length
      esme.send(octets)
      await until(() => length(recorded?.heard ?? []) >= octetsUp)
    }
  await esme.ended
  await until(() => recorded?.peer.socket.destroyed === true)
  const by = (side: string): Buffer =>
    Buffer.concat(turns.filter(({ from }) => from === side).map(({ octets }) => octets))
  return { up: by('esme'), down: by('smsc') }
}

/** A session in which the gateway asks, answers, refuses and unbinds by itself. */
const letSpeak = async ({ gateway, smsc }: SmppPair): Promise<void> => {
  const esme = await bound(gateway.smppPort)
  expect(readPdu(await esme.next()).commandId).toBe(commands.enquire_link)
  esme.send(pdu(commands.deliver_sm, 5, '\0'.repeat(17)), bindPdu({ sequence: 6 }))
  for (const status of [statuses.ESME_RINVBNDSTS, statuses.ESME_RALYBND])
    expect(readPdu(await esme.next()).status).toBe(status)
  smsc.recorded.at(-1)?.peer.socket.end()
  expect(readPdu(await esme.next()).commandId).toBe(commands.unbind)
  esme.socket.destroy()
  const refused = await bind(gateway.smppPort, { password: 'wrong' })
  await refused.peer.ended
  const other = await connectPeer(gateway.smppPort)
  other.send(pdu(commands.submit_sm, 1, '', { length: 0 }))
  await other.ended
}

test.skipIf(!hasTshark && !requiresTshark)(
  'tshark finds both legs of a mixed session equal but for the bind, and no PDU malformed',
  async () => {
    const pair = await open()
    const talkative = await open({ smppLimits: { timers: { enquireLinkMs: 200 } } })
    const file = join(temporaryFolder(), 'session.pcapng')
    const [near, far] = [pair.gateway.smppPort, pair.smsc.port]
    const ours = [talkative.gateway.smppPort, talkative.smsc.port]
    const capture = await startCapture(file, [near, far, ...ours])
    const session = await play(pair)
    await letSpeak(talkative)
    await capture.stop()

    const legs = [near, far].map((port) => followStream(file, port))
    const binds = [bindPdu(), bindPdu({ username: 'far', password: 'secret' })]
    for (const [at, { up, down }] of legs.entries()) {
      expect(up.equals(Buffer.concat([binds[at] ?? up, session.up]))).toBe(true)
      expect(down.subarray(-session.down.length).equals(session.down)).toBe(true)
      expect(down.equals(legs[0]?.down ?? up)).toBe(true)
    }
    const ports = [near, far, ...ours]
    const read = (...args: string[]): string => readCapture(file, ports, args)
    const pdus = read('-Y', 'smpp', '-T', 'fields', '-e', 'smpp.command_id').split(/[\n,]/)
    expect(pdus.filter((each) => each !== '').length).toBeGreaterThan(80)
    const malformed = read('-Y', '_ws.malformed', '-T', 'fields', '-e', 'tcp.dstport')
    expect(malformed).toBe('')
  },
)
