import { headerOnly } from '../../gateway/smpp/constants.ts'

/** A PDU of those parts, with its length right unless it is to lie. */
export const pdu = (
  commandId: number,
  sequence: number,
  body: string | Buffer = '',
  { status = 0, length }: { status?: number; length?: number } = {},
): Buffer => {
  const bytes = Buffer.concat([
    headerOnly(commandId, status, sequence),
    typeof body === 'string' ? Buffer.from(body, 'latin1') : body,
  ])
  bytes.writeUInt32BE(length ?? bytes.length, 0)
  return bytes
}

export type BindBody = {
  systemId?: string
  password?: string
  systemType?: string
  /** interface_version, addr_ton, addr_npi. */
  numbers?: string
  addressRange?: string
  tlvs?: string
}

/** The body of a bind; each field is written as it is given, with its NUL. */
export const bindBody = (body: BindBody = {}): string =>
  (body.systemId ?? 'alice\0') +
  (body.password ?? 'secret08\0') +
  (body.systemType ?? '\0') +
  (body.numbers ?? '\x34\0\0') +
  (body.addressRange ?? '\0') +
  (body.tlvs ?? '')

/** The header of a PDU and its body, as tests compare them. */
export const readPdu = (bytes: Buffer) => ({
  commandId: bytes.readUInt32BE(4),
  status: bytes.readUInt32BE(8),
  sequence: bytes.readUInt32BE(12),
  body: bytes.subarray(16).toString('latin1'),
})

/** Cuts whole PDUs off what was received; the rest is what has not come whole. */
export const cutPdus = (bytes: Buffer): { pdus: Buffer[]; rest: Buffer } => {
  const pdus: Buffer[] = []
  let at = 0
  while (at + 4 <= bytes.length && at + bytes.readUInt32BE(at) <= bytes.length) {
    const end = at + Math.max(4, bytes.readUInt32BE(at))
    pdus.push(bytes.subarray(at, end))
    at = end
  }
  return { pdus, rest: bytes.subarray(at) }
}
