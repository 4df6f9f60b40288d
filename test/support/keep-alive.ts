import { commands } from '../../gateway/smpp/constants.ts'
import { cutPdus, pdu, readPdu } from './pdu.ts'
import type { RawPeer } from './raw-peer.ts'

/** Answers enquire_links from now on, also one that came right behind the answer to the bind. */
export const keepAlive = ({ socket, send, untaken }: RawPeer): void => {
  const answer = (chunk: Buffer): void => {
    for (const octets of cutPdus(chunk).pdus) {
      const { commandId, sequence } = readPdu(octets)
      if (commandId === commands.enquire_link) send(pdu(0x80000015, sequence))
    }
  }
  answer(untaken())
  socket.on('data', answer)
}
