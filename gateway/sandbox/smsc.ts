import smpp, { type PDU, type Server, type Session } from 'smpp'
import { statuses } from '../smpp/constants.ts'
import { writeReceipt } from './receipt.ts'

export type SampleSmscOptions = {
  /** Ms since the epoch, for receipts. */
  readonly now: () => number
  /** From a submit_sm to its delivery receipt. */
  readonly receiptMs: number
}

type Bound = { readonly session: Session; readonly systemId: string; readonly receives: boolean }

const DELIVERED = 2
const MC_DELIVERY_RECEIPT = 0x04

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')

/** The package hands a message over as text, or as octets, alone or beside its header. */
const messageOf = ({ short_message: short }: PDU): string => {
  const message =
    typeof short === 'object' && short !== null && 'message' in short ? short.message : short
  return Buffer.isBuffer(message) ? message.toString('latin1') : textOf(message)
}

/** A receipt is wanted when it arrives: bits 1 and 0 of registered_delivery (SMPP 3.4 §5.2.17). */
const wantsReceipt = ({ registered_delivery: wish }: PDU): boolean =>
  typeof wish === 'number' && (wish & 1) === 1

/**
 * The sample SMSC: binds whoever asks, takes every submit_sm and sends a delivery receipt if one is
 * wished for. Only for loopback: its parser trusts what it reads.
 */
export const createSampleSmsc = ({ now, receiptMs }: SampleSmscOptions): Server => {
  const bound = new Set<Bound>()
  let messages = 0

  const deliver = (to: Bound, submitted: PDU, messageId: string, submittedAt: number): void => {
    const receipt = { messageId, submittedAt, doneAt: now(), text: messageOf(submitted) }
    to.session.send(
      new smpp.PDU('deliver_sm', {
        source_addr_ton: submitted.dest_addr_ton,
        source_addr_npi: submitted.dest_addr_npi,
        source_addr: submitted.destination_addr,
        dest_addr_ton: submitted.source_addr_ton,
        dest_addr_npi: submitted.source_addr_npi,
        destination_addr: submitted.source_addr,
        esm_class: MC_DELIVERY_RECEIPT,
        short_message: writeReceipt(receipt),
        receipted_message_id: messageId,
        message_state: DELIVERED,
      }),
    )
  }

  const onSubmit = (from: Bound, submitted: PDU): PDU => {
    messages += 1
    const messageId = String(messages).padStart(10, '0')
    const submittedAt = now()
    if (wantsReceipt(submitted))
      setTimeout(() => {
        const peers = [from, ...bound].filter((each) => each.systemId === from.systemId)
        const to = peers.find((each) => each.receives && bound.has(each))
        if (to !== undefined) deliver(to, submitted, messageId, submittedAt)
      }, receiptMs).unref()
    return submitted.response({ message_id: messageId })
  }

  const answer = (from: Bound | undefined, request: PDU): PDU => {
    if (from === undefined) return request.response({ command_status: statuses.ESME_RINVBNDSTS })
    if (request.command === 'submit_sm') return onSubmit(from, request)
    if (request.command === 'enquire_link' || request.command === 'unbind')
      return request.response()
    return request.response({ command_status: statuses.ESME_RINVCMDID })
  }

  return smpp.createServer((session) => {
    let self: Bound | undefined
    const bind = (request: PDU): void => {
      const receives = request.command !== 'bind_transmitter'
      self = { session, systemId: textOf(request.system_id), receives }
      bound.add(self)
      session.send(request.response({ system_id: 'sandbox', sc_interface_version: 0x34 }))
    }
    session.on('pdu', (pdu) => {
      if (pdu.isResponse()) return
      if (self === undefined && pdu.command.startsWith('bind_')) {
        bind(pdu)
        return
      }
      session.send(answer(self, pdu))
      if (pdu.command === 'unbind') session.close()
    })
    session.on('close', () => {
      if (self !== undefined) bound.delete(self)
    })
    session.on('error', () => {
      session.destroy()
    })
  })
}
