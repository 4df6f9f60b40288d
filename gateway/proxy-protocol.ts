import { addressOfWords, parseAddress, type Address } from '../policies/address.ts'

const V1_LENGTH_MAX = 107
const V2_PREFIX_LENGTH = 16
/** What one segment carries at the least; the specification bids senders to stay within it. */
const V2_LENGTH_MAX = 536

const v1Start = Buffer.from('PROXY ')
const v2Signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n')

/** `source` is absent where the proxy speaks for itself (LOCAL, UNKNOWN); `length` is in bytes. */
export type ProxyHeader = { readonly source?: Address; readonly length: number }

export type ProxyReading =
  { readonly need: 'more' } | { readonly header: ProxyHeader } | { readonly fault: string }

const more: ProxyReading = Object.freeze({ need: 'more' })

const agrees = (bytes: Buffer, start: Buffer): boolean => {
  const shared = Math.min(bytes.length, start.length)
  return bytes.subarray(0, shared).equals(start.subarray(0, shared))
}

const number = '(?:0|[1-9]\\d{0,4})'
const v1Line = new RegExp(
  `^PROXY (?:UNKNOWN(?: .*)?|(TCP4|TCP6) ([\\da-fA-F.:]+) ([\\da-fA-F.:]+) (${number}) (${number}))$`,
)

const readV1Line = (line: string, length: number): ProxyReading => {
  const [whole, protocol, from = '', to = '', ...ports] = v1Line.exec(line) ?? []
  if (whole === undefined) return { fault: 'not a version 1 line' }
  if (protocol === undefined) return { header: { length } }
  const source = parseAddress(from)
  if (source === undefined || parseAddress(to) === undefined) return { fault: 'not an address' }
  const ofFamily = (text: string): boolean => text.includes(':') === (protocol === 'TCP6')
  if (!ofFamily(from) || !ofFamily(to)) return { fault: 'an address of another family' }
  if (ports.some((port) => Number(port) > 65_535)) return { fault: 'not a port' }
  return { header: { source, length } }
}

/** Version 1 (§2.1): one line of text with its CRLF. */
const readV1 = (bytes: Buffer): ProxyReading => {
  const text = bytes.toString('latin1', 0, V1_LENGTH_MAX)
  const end = text.indexOf('\r')
  const line = end < 0 ? text : text.slice(0, end)
  if (!/^[ -~]*$/.test(line)) return { fault: 'not a version 1 line' }
  if (end >= 0 && text[end + 1] === '\n') return readV1Line(line, end + 2)
  if (end >= 0 && end + 1 < text.length) return { fault: 'not a version 1 line' }
  return text.length < V1_LENGTH_MAX ? more : { fault: 'longer than version 1 allows' }
}

/** By family and transport (§2.2): how many bytes of addresses, and of how many words each. */
const v2Families = new Map([
  [0x11, { bytes: 12, words: 1 }],
  [0x21, { bytes: 36, words: 4 }],
])
const UNSPECIFIED = 0x00

const readV2Source = (bytes: Buffer, family: number, length: number): ProxyReading => {
  if (family === UNSPECIFIED) return { header: { length } }
  const shape = v2Families.get(family)
  if (shape === undefined) return { fault: 'not TCP over IPv4 or IPv6' }
  if (length - V2_PREFIX_LENGTH < shape.bytes) return { fault: 'too short for its addresses' }
  if (bytes.length < length) return more
  const words = Array.from({ length: shape.words }, (_, index) =>
    bytes.readUInt32BE(V2_PREFIX_LENGTH + index * 4),
  )
  return { header: { source: addressOfWords(words), length } }
}

/** Version 2 (§2.2): binary, its own length in it; what follows the addresses is not read. */
const readV2 = (bytes: Buffer): ProxyReading => {
  if (bytes.length < V2_PREFIX_LENGTH) return more
  const command = bytes[12]
  const length = V2_PREFIX_LENGTH + bytes.readUInt16BE(14)
  if (command !== 0x20 && command !== 0x21) return { fault: 'not a version 2 command' }
  if (length > V2_LENGTH_MAX) return { fault: 'longer than we read' }
  const reading: ProxyReading =
    command === 0x20
      ? { header: { length } }
      : readV2Source(bytes, bytes[13] ?? UNSPECIFIED, length)
  return 'header' in reading && bytes.length < length ? more : reading
}

/**
 * Reads a PROXY protocol header, version 1 or 2, from the first bytes of a connection. The same
 * bytes give the same reading however they are split; a fault is final.
 */
export const readProxyHeader = (bytes: Buffer): ProxyReading => {
  if (agrees(bytes, v2Signature)) return bytes.length < v2Signature.length ? more : readV2(bytes)
  if (agrees(bytes, v1Start)) return bytes.length < v1Start.length ? more : readV1(bytes)
  return { fault: 'no PROXY header' }
}
