import { fieldLines, trimBlanks } from './fields.ts'

/** A request head as it was sent: nothing in it has been judged yet but its grammar. */
export type ParsedRequest = {
  readonly method: string
  readonly target: string
  /** HTTP/1.`minor`. */
  readonly minor: 0 | 1
  /** Name, value, name, value, …; in order and as written, values without outer white space. */
  readonly fields: readonly string[]
}

/** RFC 9112 §3: a token, one space, a target of visible ASCII, one space, the version. */
const requestLine = /^([!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}) ([!-~]+) HTTP\/1\.([01])$/

const fieldsOf = (lines: string): string[] => {
  const fields: string[] = []
  let at = 0
  while (at < lines.length) {
    const colon = lines.indexOf(':', at)
    const end = lines.indexOf('\r\n', colon)
    fields.push(lines.slice(at, colon), trimBlanks(lines.slice(colon + 1, end)))
    at = end + 2
  }
  return fields
}

/** Parses a head without its last empty line; undefined when it is not HTTP/1 to the letter. */
export const parseRequest = (head: string): ParsedRequest | undefined => {
  const end = head.indexOf('\r\n')
  const [, method, target, minor] = requestLine.exec(end === -1 ? head : head.slice(0, end)) ?? []
  if (method === undefined || target === undefined) return undefined
  const lines = end === -1 ? '' : `${head.slice(end + 2)}\r\n`
  if (!fieldLines.test(lines)) return undefined
  return { method, target, minor: minor === '1' ? 1 : 0, fields: fieldsOf(lines) }
}

/** Whether octets that may still become a head hold, from there on, a line break that no head has. */
export const hasBareLineFeed = (octets: Buffer, from: number): boolean => {
  for (let at = octets.indexOf(0x0a, from); at !== -1; at = octets.indexOf(0x0a, at + 1))
    if (at === 0 || octets[at - 1] !== 0x0d) return true
  return false
}
