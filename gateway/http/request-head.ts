import { connectionOptions, digits, type FieldUseOf } from './fields.ts'
import type { ParsedRequest } from './request-parser.ts'

/** A request's fields, read in one pass: what we act on by itself, what goes on as lines. */
export type RequestHead = {
  readonly host: readonly string[]
  readonly authorization: readonly string[]
  readonly forwardedFor: readonly string[]
  /** In octets; 0 when there is no body, or when its end is told by chunks. */
  readonly length: number
  readonly chunked: boolean
  /** The client wants to go on in WebSocket (RFC 6455 §4.1); no other protocol passes the door. */
  readonly upgrade: boolean
  /** The client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1). */
  readonly continues: boolean
  /** The client will not send another request on this connection. */
  readonly close: boolean
  /** The end-to-end fields as they came, each with its CRLF. */
  readonly lines: string
  readonly malformed: boolean
}

const none: readonly string[] = []

/** Fields that a `Connection` field strikes out; those that we act on are ours to write anyway. */
const struckBy = (options: ReadonlySet<string>): ReadonlySet<string> => {
  const struck = new Set(options)
  for (const option of ['close', 'keep-alive', 'upgrade']) struck.delete(option)
  return struck
}

const isWebSocket = (
  { method, minor }: ParsedRequest,
  options: ReadonlySet<string> | undefined,
  upgrade: readonly string[],
): boolean =>
  options?.has('upgrade') === true &&
  method === 'GET' &&
  minor === 1 &&
  upgrade.length === 1 &&
  upgrade[0]?.toLowerCase() === 'websocket'

const linesWithout = (
  raw: readonly string[],
  struck: ReadonlySet<string>,
  useOf: FieldUseOf,
): string => {
  let lines = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? ''
    if (useOf(name) === 'pass' && !struck.has(name.toLowerCase()))
      lines += `${name}: ${raw[i + 1] ?? ''}\r\n`
  }
  return lines
}

/** Adds to a list that is only made when there is something to add. */
const append = (list: string[] | undefined, value: string): string[] => {
  if (list === undefined) return [value]
  list.push(value)
  return list
}

/** Only `Transfer-Encoding: chunked` by itself, or one length, is sound (RFC 9112 §6.3). */
const isSoundFraming = (
  { minor }: ParsedRequest,
  lengths: readonly string[],
  codings: readonly string[],
): boolean => {
  const [length] = lengths
  if (codings.length === 0)
    return length === undefined || (lengths.length === 1 && digits.test(length))
  const isChunked = codings.length === 1 && codings[0]?.toLowerCase() === 'chunked'
  return isChunked && lengths.length === 0 && minor === 1
}

/** Reads the fields of a request, once, into what we act on and what goes on. */
export const readRequestHead = (request: ParsedRequest, useOf: FieldUseOf): RequestHead => {
  const { fields } = request
  let host: string[] | undefined
  let authorization: string[] | undefined
  let forwardedFor: string[] | undefined
  let lengths: string[] | undefined
  let codings: string[] | undefined
  let upgrade: string[] | undefined
  let options: Set<string> | undefined
  let continues = false
  let lines = ''
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    const value = fields[i + 1] ?? ''
    const use = useOf(name)
    if (use === 'pass') lines += `${name}: ${value}\r\n`
    else if (use === 'host') host = append(host, value)
    else if (use === 'authorization') authorization = append(authorization, value)
    else if (use === 'forwarded-for') forwardedFor = append(forwardedFor, value)
    else if (use === 'content-length') lengths = append(lengths, value)
    else if (use === 'transfer-encoding') codings = append(codings, value)
    else if (use === 'upgrade') upgrade = append(upgrade, value)
    else if (use === 'expect') continues = value.toLowerCase() === '100-continue'
    else if (use === 'connection') {
      options ??= new Set()
      for (const option of connectionOptions(value)) options.add(option)
    }
  }
  const struck = options && struckBy(options)
  const length = Number(lengths?.[0] ?? 0)
  const chunked = codings !== undefined
  return {
    host: host ?? none,
    authorization: authorization ?? none,
    forwardedFor: forwardedFor ?? none,
    length,
    chunked,
    upgrade: isWebSocket(request, options, upgrade ?? none) && length === 0 && !chunked,
    continues: continues && request.minor === 1,
    close: options?.has('close') === true || request.minor === 0,
    lines: struck === undefined || struck.size === 0 ? lines : linesWithout(fields, struck, useOf),
    malformed: !isSoundFraming(request, lengths ?? none, codings ?? none),
  }
}
