import type { IncomingMessage } from 'node:http'
import { connectionOptions, type FieldUseOf } from './fields.ts'

/** A request's fields, read in one pass: what we act on by itself, what goes on as lines. */
export type RequestHead = {
  readonly host: readonly string[]
  readonly authorization: readonly string[]
  readonly forwardedFor: readonly string[]
  readonly contentLength: string | undefined
  readonly chunked: boolean
  readonly upgrade: string | undefined
  /** The end-to-end fields as they came, each with its CRLF. */
  readonly lines: string
  readonly malformed: boolean
}

const none: readonly string[] = []
const plainConnection = new Set(['keep-alive', 'Keep-Alive', 'close', 'Close'])

/** The names that may not be struck out by a client's `Connection` field: they decide the framing. */
const structural = new Set(['host', 'content-length', 'authorization'])

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

const append = (list: readonly string[], value: string): readonly string[] =>
  list.length === 0 ? [value] : [...list, value]

const isSoundFraming = (
  request: IncomingMessage,
  lengths: readonly string[],
  codings: readonly string[],
): boolean => {
  if (codings.length === 0) return lengths.length < 2
  return (
    codings.length === 1 &&
    codings[0]?.toLowerCase() === 'chunked' &&
    lengths.length === 0 &&
    request.httpVersionMinor === 1
  )
}

/** Reads the raw fields of a request; only `Transfer-Encoding: chunked`, or one length, is sound. */
export const readRequestHead = (request: IncomingMessage, useOf: FieldUseOf): RequestHead => {
  const raw = request.rawHeaders
  let host = none
  let authorization = none
  let forwardedFor = none
  let lengths = none
  let codings = none
  let upgrade: string | undefined
  let struck: Set<string> | undefined
  let lines = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const value = raw[i + 1] ?? ''
    const use = useOf(name)
    if (use === 'pass') lines += `${name}: ${value}\r\n`
    else if (use === 'host') host = append(host, value)
    else if (use === 'authorization') authorization = append(authorization, value)
    else if (use === 'forwarded-for') forwardedFor = append(forwardedFor, value)
    else if (use === 'content-length') lengths = append(lengths, value)
    else if (use === 'transfer-encoding') codings = append(codings, value)
    else if (use === 'upgrade') upgrade = upgrade === undefined ? value : `${upgrade}, ${value}`
    else if (use === 'connection' && !plainConnection.has(value)) {
      struck ??= new Set()
      for (const option of connectionOptions(value)) if (!structural.has(option)) struck.add(option)
    }
  }
  return {
    host,
    authorization,
    forwardedFor,
    contentLength: lengths[0],
    chunked: codings.length > 0,
    upgrade: struck?.has('upgrade') === true ? upgrade : undefined,
    lines: struck === undefined ? lines : linesWithout(raw, struck, useOf),
    malformed: !isSoundFraming(request, lengths, codings),
  }
}
