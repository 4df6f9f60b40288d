import { commands, responseTo } from '../../gateway/smpp/constants.ts'
import type { Certificate } from './certificate.ts'
import { cutPdus, pdu, readPdu } from './pdu.ts'
import type { RawPeer } from './raw-peer.ts'
import { bindAnswer, startScriptedSmsc } from './scripted-smsc.ts'

/** A connection of an SMSC, with all that passed over it. */
export type Recorded = {
  readonly peer: RawPeer
  readonly heard: Buffer[]
  readonly said: Buffer[]
}

export type RecordingSmsc = {
  readonly port: number
  readonly recorded: readonly Recorded[]
  /** Connections that are open. */
  readonly open: () => number
  /** Whole PDUs of that command, over all connections. */
  readonly count: (commandId: number) => number
  readonly close: () => void
}

/** What an SMSC says to a request; nothing: it keeps silent. */
export type Answer = (request: Buffer, from: Recorded) => readonly Buffer[]

const isBind = (commandId: number): boolean =>
  commandId === commands.bind_receiver ||
  commandId === commands.bind_transmitter ||
  commandId === commands.bind_transceiver

/** Binds whoever asks; the rest is said by the test, through `Recorded.peer`. */
export const answerBinds: Answer = (request) =>
  isBind(readPdu(request).commandId) ? [bindAnswer(request)] : []

/** Binds whoever asks, gives each message its number for an id, and lets go whoever unbinds. */
export const answerAll: Answer = (request) => {
  const { commandId, sequence } = readPdu(request)
  if (commandId >= 0x80000000) return []
  if (isBind(commandId)) return [bindAnswer(request)]
  const body = commandId === commands.submit_sm ? `id-${sequence}\0` : ''
  return [pdu(responseTo(commandId), sequence, body)]
}

/** An SMSC that keeps every octet; `answer` says what it says. */
export const startRecordingSmsc = async (
  answer: Answer = answerAll,
  certificate?: Certificate,
): Promise<RecordingSmsc> => {
  const recorded: Recorded[] = []
  const smsc = await startScriptedSmsc(async (peer) => {
    const { socket } = peer
    const one: Recorded = { peer, heard: [], said: [] }
    recorded.push(one)
    const send: RawPeer['send'] = (...parts) => {
      one.said.push(...parts)
      peer.send(...parts)
    }
    Object.assign(one, { peer: { ...peer, send } })
    socket.on('data', (chunk: Buffer) => one.heard.push(chunk))
    for (;;) {
      const request = await peer.next()
      const answers = answer(request, one)
      send(...answers)
      if (answers.length > 0 && readPdu(request).commandId === commands.unbind) socket.end()
    }
  }, certificate)
  return {
    port: smsc.port,
    recorded,
    open: () => recorded.filter(({ peer }) => !peer.socket.destroyed).length,
    count: (commandId) =>
      recorded
        .flatMap(({ heard }) => cutPdus(Buffer.concat(heard)).pdus)
        .filter((each) => each.readUInt32BE(4) === commandId).length,
    close: smsc.close,
  }
}
