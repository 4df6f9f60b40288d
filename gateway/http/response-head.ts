import { connectionOptions, staysBehind } from './fields.ts'

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
const fieldLines = /^(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*\r\n)*$/
const digits = /^\d{1,15}$/

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
    const seconds = /timeout=(\d{1,6})/.exec(value)?.[1]
    if (seconds !== undefined) into.idleSeconds = Number(seconds)
  }
  return !staysBehind(name)
}

/** Fields that `Connection` names go no further either. */
const isStruck = (options: readonly string[] | undefined, name: string): boolean =>
  options?.includes(name) === true && name !== 'content-length'

const collectFields = (lines: string, options?: readonly string[]): Collected => {
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
    const goesOn = collectField(into, name, lines.slice(colon + 1, end).trim())
    if (goesOn && !isStruck(options, name)) into.lines += lines.slice(at, end)
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

const isPlain = (options: readonly string[]): boolean =>
  options.every((option) => option === 'close' || option === 'keep-alive')

/** Parses a response head (without its last empty line); undefined when it is not sound HTTP/1. */
export const parseResponseHead = (head: string, method: string): ResponseHead | undefined => {
  const found = head.indexOf('\r\n')
  const end = found === -1 ? head.length : found
  const line = statusLine.exec(head.slice(0, end))
  const lines = found === -1 ? '' : `${head.slice(end + 2)}\r\n`
  if (line === null || !fieldLines.test(lines)) return undefined
  let into = collectFields(lines)
  const { options } = into
  if (options !== undefined && !isPlain(options)) into = collectFields(lines, options)
  const status = Number(line[2])
  const framing = into.broken ? undefined : framingOf(status, method, into)
  if (framing === undefined) return undefined
  const keepAlive =
    framing !== 'until-close' &&
    (line[1] === '1'
      ? options?.includes('close') !== true
      : options?.includes('keep-alive') === true)
  const { hasDate, idleSeconds } = into
  return {
    status,
    reason: line[3] ?? '',
    lines: into.lines,
    hasDate,
    framing,
    keepAlive,
    idleSeconds,
  }
}
