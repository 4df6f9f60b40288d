import { commands, HEADER_OCTETS } from './constants.ts'

export type BindType = 'transmitter' | 'receiver' | 'transceiver'

/** A bind_transmitter, bind_receiver or bind_transceiver as it was sent (SMPP 3.4 §4.1). */
export type BindRequest = {
  readonly type: BindType
  readonly commandId: number
  readonly sequence: number
  /** Printable ASCII, without the NUL that ends it. */
  readonly systemId: string
  readonly password: Buffer
  /** The whole PDU: what is sent on unless other credentials are mapped. */
  readonly pdu: Buffer
}

export type BindField = 'system_id' | 'password' | 'system_type' | 'address_range'

/** What is wrong with a bind request; `field` is the first that is. */
export type BindFault =
  | { readonly fault: 'unterminated' | 'too-long' | 'not-printable'; readonly field: BindField }
  | { readonly fault: 'truncated' | 'trailing-octets' }

const typeOf = new Map<number, BindType>([
  [commands.bind_transmitter, 'transmitter'],
  [commands.bind_receiver, 'receiver'],
  [commands.bind_transceiver, 'transceiver'],
])

export const bindTypeOf = (commandId: number): BindType | undefined => typeOf.get(commandId)

/** Octets before the NUL. The credentials' limits are ours (3.4: 15 and 8), the others' 3.4's. */
const limits: Readonly<Record<BindField, number>> = {
  system_id: 64,
  password: 64,
  system_type: 12,
  address_range: 40,
}

/** interface_version, addr_ton and addr_npi stand between system_type and address_range. */
const OCTETS_BEFORE_RANGE = 3

const isPrintable = (octet: number): boolean => octet >= 0x20 && octet <= 0x7e

/** The end of a C-octet string that starts at `from`, its NUL, or what is wrong with it. */
const endOf = (pdu: Buffer, from: number, field: BindField): number | BindFault => {
  const end = pdu.indexOf(0, from)
  if (end === -1) return { fault: 'unterminated', field }
  if (end - from > limits[field]) return { fault: 'too-long', field }
  return pdu.subarray(from, end).every(isPrintable) ? end : { fault: 'not-printable', field }
}

/** Optional parameters (§3.2.4.1) fill the rest exactly; 3.4 has none here, later versions may. */
const areTlvs = (rest: Buffer): boolean => {
  let at = 0
  while (at + 4 <= rest.length) at += 4 + rest.readUInt16BE(at + 2)
  return at === rest.length
}

type Ends = Readonly<Record<BindField, number>>

const endsOf = (pdu: Buffer): Ends | BindFault => {
  const systemId = endOf(pdu, HEADER_OCTETS, 'system_id')
  if (typeof systemId !== 'number') return systemId
  const password = endOf(pdu, systemId + 1, 'password')
  if (typeof password !== 'number') return password
  const systemType = endOf(pdu, password + 1, 'system_type')
  if (typeof systemType !== 'number') return systemType
  const rangeFrom = systemType + 1 + OCTETS_BEFORE_RANGE
  if (rangeFrom >= pdu.length) return { fault: 'truncated' }
  const range = endOf(pdu, rangeFrom, 'address_range')
  if (typeof range !== 'number') return range
  if (!areTlvs(pdu.subarray(range + 1))) return { fault: 'trailing-octets' }
  return { system_id: systemId, password, system_type: systemType, address_range: range }
}

/** Reads a whole PDU whose command is one of the three binds. Nothing in it is repaired. */
export const readBindRequest = (pdu: Buffer): BindRequest | BindFault => {
  const commandId = pdu.readUInt32BE(4)
  const type = typeOf.get(commandId)
  if (type === undefined) throw new Error(`command_id ${commandId} is no bind`)
  const ends = endsOf(pdu)
  if ('fault' in ends) return ends
  return {
    type,
    commandId,
    sequence: pdu.readUInt32BE(12),
    systemId: pdu.toString('latin1', HEADER_OCTETS, ends.system_id),
    password: pdu.subarray(ends.system_id + 1, ends.password),
    pdu,
  }
}

export type BindCredentials = { readonly systemId: string; readonly password: string }

/** The same bind for an upstream that knows us by other credentials; all else octet by octet. */
export const mapBindRequest = ({ pdu }: BindRequest, mapped: BindCredentials): Buffer => {
  const ends = endsOf(pdu)
  if ('fault' in ends) throw new Error(`a bind that was read is ${ends.fault}`)
  const bytes = Buffer.concat([
    pdu.subarray(0, HEADER_OCTETS),
    Buffer.from(`${mapped.systemId}\0${mapped.password}\0`, 'latin1'),
    pdu.subarray(ends.password + 1),
  ])
  bytes.writeUInt32BE(bytes.length, 0)
  return bytes
}

/** The same bind with the user's name as it is written with us: what was decided is what is sent. */
export const spellBindRequest = (request: BindRequest, systemId: string): BindRequest => {
  if (request.systemId === systemId) return request
  const password = request.password.toString('latin1')
  return { ...request, systemId, pdu: mapBindRequest(request, { systemId, password }) }
}
