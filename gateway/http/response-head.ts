import { connectionOptions, staysBehind } from './fields.ts'

/** How the end of a response's body is known (RFC 9112 §6.3). */
export type Framing = number | 'chunked' | 'until-close'

/** An upstream's response head; `fields` are the end-to-end ones as a flat list of name, value. */
export type ResponseHead = {
  readonly status: number
  readonly reason: string
  readonly fields: string[]
  readonly framing: Framing
  readonly keepAlive: boolean
  /** `Keep-Alive: timeout=` in seconds, when the upstream names one. */
  readonly idleSeconds: number | undefined
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/
const digits = /^\d{1,15}$/

type Collected = {
  fields: string[]
  length: string | undefined
  codings: string | undefined
  options: string[] | undefined
  idleSeconds: number | undefined
  broken: boolean
}

const collectField = (into: Collected, name: string, value: string): void => {
  const lower = name.toLowerCase()
  if (lower === 'content-length') {
    // The same length twice is one length (RFC 9112 §6.3); two different ones are an attack.
    if (into.length !== undefined) into.broken ||= into.length !== value
    else into.fields.push(name, value)
    into.length = value
  } else if (lower === 'transfer-encoding') {
    into.codings = into.codings === undefined ? value : `${into.codings},${value}`
  } else if (lower === 'connection') {
    into.options = [...(into.options ?? []), ...connectionOptions(value)]
  } else if (lower === 'keep-alive') {
    const seconds = /timeout=(\d{1,6})/.exec(value)?.[1]
    if (seconds !== undefined) into.idleSeconds = Number(seconds)
  } else if (!staysBehind(lower)) into.fields.push(name, value)
}

const collectFields = (head: string, from: number): Collected => {
  const into: Collected = {
    fields: [],
    length: undefined,
    codings: undefined,
    options: undefined,
    idleSeconds: undefined,
    broken: false,
  }
  let at = from
  while (at < head.length) {
    const found = head.indexOf('\r\n', at)
    const end = found === -1 ? head.length : found
    const colon = head.indexOf(':', at)
    if (colon <= at || colon >= end) return { ...into, broken: true }
    const start = head.charCodeAt(colon + 1) === 0x20 ? colon + 2 : colon + 1
    const value = head.slice(start, end)
    collectField(into, head.slice(at, colon), value.trim())
    at = end + 2
  }
  return into
}

const strike = (fields: string[], options: readonly string[]): string[] => {
  const names = new Set(options)
  names.delete('close')
  names.delete('keep-alive')
  if (names.size === 0) return fields
  const kept: string[] = []
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? ''
    if (!names.has(name.toLowerCase())) kept.push(name, fields[i + 1] ?? '')
  }
  return kept
}

const framingOf = (
  status: number,
  method: string,
  { length, codings }: Collected,
): Framing | undefined => {
  if (codings !== undefined && codings.toLowerCase() !== 'chunked') return undefined
  if (codings !== undefined && length !== undefined) return undefined
  if (length !== undefined && !digits.test(length)) return undefined
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return 0
  if (codings !== undefined) return 'chunked'
  return length === undefined ? 'until-close' : Number(length)
}

/** Parses a response head (without its last empty line); undefined when it is not sound HTTP/1. */
export const parseResponseHead = (head: string, method: string): ResponseHead | undefined => {
  const found = head.indexOf('\r\n')
  const end = found === -1 ? head.length : found
  const line = statusLine.exec(head.slice(0, end))
  if (line === null) return undefined
  const into = collectFields(head, end + 2)
  const status = Number(line[2])
  const framing = into.broken ? undefined : framingOf(status, method, into)
  if (framing === undefined) return undefined
  const options = into.options
  const keepAlive =
    framing !== 'until-close' &&
    (line[1] === '1'
      ? options?.includes('close') !== true
      : options?.includes('keep-alive') === true)
  return {
    status,
    reason: line[3] ?? '',
    fields: options === undefined ? into.fields : strike(into.fields, options),
    framing,
    keepAlive,
    idleSeconds: into.idleSeconds,
  }
}
