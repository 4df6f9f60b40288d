import { commands, headerOnly, responseTo } from '../../../gateway/smpp/constants.ts'
import type { BenchCredentials } from './words.ts'

const SMALLEST_PDU = 16

/** A bind_transceiver as a stock client sends it. */
export const bindPdu = ({ systemId, password }: BenchCredentials, sequence: number): Buffer => {
  const body = Buffer.from(`${systemId}\0${password}\0\0\x34\0\0\0`, 'latin1')
  const pdu = Buffer.concat([headerOnly(commands.bind_transceiver, 0, sequence), body])
  pdu.writeUInt32BE(pdu.length, 0)
  return pdu
}

/** One message of sixty characters to an international number. */
export const submitPdu = (sequence: number): Buffer => {
  const text = 'Your code is 123456. It is valid for ten minutes. Sallyport.'
  const body = Buffer.concat([
    Buffer.from('\0\x05\0sallyport\0\x01\x01385911234567\0\0\0\0\0\0\x01\0\0\0', 'latin1'),
    Buffer.from([text.length]),
    Buffer.from(text),
  ])
  const pdu = Buffer.concat([headerOnly(commands.submit_sm, 0, sequence), body])
  pdu.writeUInt32BE(pdu.length, 0)
  return pdu
}

/** A submit_sm_resp with a message id of eight digits. */
export const submitResponse = (sequence: number): Buffer => {
  const pdu = Buffer.concat([
    headerOnly(responseTo(commands.submit_sm), 0, sequence),
    Buffer.from('00000001\0'),
  ])
  pdu.writeUInt32BE(pdu.length, 0)
  return pdu
}

/** Calls back for every whole PDU of a stream with where it stands; returns what takes the stream. */
export const createCutter = (
  each: (view: DataView, at: number) => void,
): ((chunk: Buffer) => void) => {
  let rest: Buffer | undefined
  return (chunk) => {
    const bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk])
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    let at = 0
    while (at + SMALLEST_PDU <= bytes.length) {
      const length = view.getUint32(at)
      if (at + length > bytes.length) break
      each(view, at)
      at += length
    }
    rest = at === bytes.length ? undefined : bytes.subarray(at)
  }
}
