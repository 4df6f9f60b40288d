/** command_id of every request (SMPP 3.4 §5.1.2.1; the broadcasts: SMPP 5.0 §4.7.5). */
export const commands = {
  bind_receiver: 0x0001,
  bind_transmitter: 0x0002,
  query_sm: 0x0003,
  submit_sm: 0x0004,
  deliver_sm: 0x0005,
  unbind: 0x0006,
  replace_sm: 0x0007,
  cancel_sm: 0x0008,
  bind_transceiver: 0x0009,
  outbind: 0x000b,
  enquire_link: 0x0015,
  submit_multi: 0x0021,
  alert_notification: 0x0102,
  data_sm: 0x0103,
  broadcast_sm: 0x0111,
  query_broadcast_sm: 0x0112,
  cancel_broadcast_sm: 0x0113,
} as const

export type Command = keyof typeof commands

/** Bit 31 of a command_id makes it the response; alone it is generic_nack. */
const RESPONSE = 0x80000000

export const GENERIC_NACK = RESPONSE

/** The few values of command_status that we send ourselves (SMPP 3.4 §5.1.3). */
export const statuses = {
  ESME_ROK: 0x00,
  ESME_RINVCMDLEN: 0x02,
  ESME_RINVCMDID: 0x03,
  ESME_RINVBNDSTS: 0x04,
  ESME_RALYBND: 0x05,
  ESME_RSYSERR: 0x08,
  ESME_RBINDFAIL: 0x0d,
  ESME_RTHROTTLED: 0x58,
  ESME_RX_T_APPN: 0x64,
} as const

export type Status = (typeof statuses)[keyof typeof statuses]

/** Octets of a PDU's header: length, command_id, command_status, sequence_number (§3.2). */
export const HEADER_OCTETS = 16

/** Longest PDU before a bind, and after: 64 KiB of message_payload and what goes around it. */
export const FIRST_PDU_OCTETS = 512
export const PDU_OCTETS = 70 * 1_024

/** The command_id that answers one; those that have no response of their own get generic_nack. */
export const responseTo = (commandId: number): number =>
  commandId === commands.outbind || commandId === commands.alert_notification
    ? GENERIC_NACK
    : (commandId | RESPONSE) >>> 0

export const isResponse = (commandId: number): boolean => commandId >= RESPONSE

/** A PDU that is nothing but its header, as most of ours are. */
export const headerOnly = (commandId: number, status: number, sequence: number): Buffer => {
  const pdu = Buffer.allocUnsafe(HEADER_OCTETS)
  pdu.writeUInt32BE(HEADER_OCTETS, 0)
  pdu.writeUInt32BE(commandId, 4)
  pdu.writeUInt32BE(status, 8)
  pdu.writeUInt32BE(sequence, 12)
  return pdu
}
