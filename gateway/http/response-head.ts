import { connectionOptions, digits, fieldLines, staysBehind, trimBlanks } from './fields.ts'

/** How the end of a response's body is known (RFC 9112 §6.3). */
export type Framing = number | 'chunked' | 'until-close'

/** An upstream's response head, ready to go on. */
export type ResponseHead = {
  readonly status: number
  readonly reason: string
  /** The end-to-end fields (RFC 9110 §7.6.1) as they came, each with its CRLF. */
  readonly lines: string
  readonly hasDate: boolean
  readonly framing: Framing
  readonly keepAlive: boolean
  /** `Keep-Alive: timeout=` in seconds, when the upstream names one. */
  readonly idleSeconds: number | undefined
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/

type Collected = {
  lines: string
  length: string | undefined
  codings: string | undefined
  options: string[] | undefined
  idleSeconds: number | undefined
  hasDate: boolean
  broken: boolean
}

/** Takes a field into account; answers whether its line goes on. */
const collectField = (into: Collected, name: string, value: string): boolean => {
  if (name === 'content-length') {
    // The same length twice is one length (RFC 9112 §6.3); two different ones are an attack.
    const first = into.length === undefined
    if (!first) into.broken ||= into.length !== value
    into.length = value
    return first
  }
  if (name === 'date') into.hasDate = true
  else if (name === 'transfer-encoding')
    into.codings = into.codings === undefined ? value : `${into.codings},${value}`
  else if (name === 'connection')
    into.options = [...(into.options ?? []), ...connectionOptions(value)]
  else if (name === 'keep-alive') {
    const seconds = /timeout=(\d{1,6})/i.exec(value)?.[1]
    if (seconds !== undefined) into.idleSeconds = Number(seconds)
  }
  return !staysBehind(name)
}

/** Reads the fields; those that are struck go no further. */
const collectFields = (lines: string, struck: readonly string[] = []): Collected => {
  const into: Collected = {
    lines: '',
    length: undefined,
    codings: undefined,
    options: undefined,
    idleSeconds: undefined,
    hasDate: false,
    broken: false,
  }
  let at = 0
  while (at < lines.length) {
    const colon = lines.indexOf(':', at)
    const end = lines.indexOf('\r\n', colon) + 2
    const name = lines.slice(at, colon).toLowerCase()
    const goesOn = collectField(into, name, trimBlanks(lines.slice(colon + 1, end - 2)))
    if (goesOn && !struck.includes(name)) into.lines += lines.slice(at, end)
    at = end
  }
  return into
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

const unstruck: ReadonlySet<string> = new Set(['close', 'keep-alive', 'content-length'])

/** What `Connection` names, but never a length, except where there is nothing to measure. */
const struckBy = (status: number, { options = [], length }: Collected): string[] => {
  const struck = options.filter((name) => !unstruck.has(name))
  // RFC 9110 §8.6: not with 1xx or 204.
  if (length !== undefined && (status < 200 || status === 204)) struck.push('content-length')
  return struck
}

/** An HTTP/1.0 server does not know chunks: nothing that follows them is trusted (RFC 9112 §6.1). */
const isKept = (minor: string | undefined, framing: Framing, options: string[] = []): boolean => {
  if (framing === 'until-close') return false
  if (minor === '1') return !options.includes('close')
  return framing !== 'chunked' && options.includes('keep-alive')
}

/** Parses a response head (without its last empty line); undefined when it is not sound HTTP/1. */
export const parseResponseHead = (head: string, method: string): ResponseHead | undefined => {
  const found = head.indexOf('\r\n')
  const end = found === -1 ? head.length : found
  const line = statusLine.exec(head.slice(0, end))
  const lines = found === -1 ? '' : `${head.slice(end + 2)}\r\n`
  if (line === null || !fieldLines.test(lines)) return undefined
  let into = collectFields(lines)
  const status = Number(line[2])
  const struck = struckBy(status, into)
  if (struck.length > 0) into = collectFields(lines, struck)
  const framing = into.broken ? undefined : framingOf(status, method, into)
  if (framing === undefined) return undefined
  const { hasDate, idleSeconds } = into
  return {
    status,
    reason: line[3] ?? '',
    lines: into.lines,
    hasDate,
    framing,
    keepAlive: isKept(line[1], framing, into.options),
    idleSeconds,
  }
}
