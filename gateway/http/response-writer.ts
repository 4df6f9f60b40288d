import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { LAST_CHUNK, writeChunk } from './chunked.ts'
import type { Framing } from './response-head.ts'

/** A response head to be written; `lines` are its fields, each with its CRLF. */
export type Head = {
  readonly status: number
  readonly reason?: string
  readonly lines: string
  readonly hasDate: boolean
  readonly framing: Framing
}

/** The head of an answer of our own, whose body has so many octets. */
export const headOf = (
  status: number,
  fields: Iterable<readonly [name: string, value: string]>,
  octets: number,
): Head => {
  let lines = ''
  for (const [name, value] of fields) lines += `${name}: ${value}\r\n`
  return { status, lines, hasDate: false, framing: octets }
}

/** Writes one response after another on a client's connection (RFC 9112 §4 and §6). */
export type ResponseWriter = {
  /** Begins with the response to a request; `chunks`: the client understands the chunked coding. */
  readonly open: (chunks: boolean) => void
  readonly isBegun: () => boolean
  /** Keeps the head until the first octets of the body, or `flush`; `close`: it is the last one. */
  readonly head: (head: Head, close: boolean) => void
  readonly flush: () => void
  /** False: wait for `drain` before more. */
  readonly write: (chunk: Buffer) => boolean
  /** Writes the rest. True when the connection can carry another response. */
  readonly end: (rest?: string | Buffer) => boolean
}

export const createResponseWriter = (socket: Socket, date: () => string): ResponseWriter => {
  let begun = false
  let pending = ''
  let coding: 'none' | 'chunked' | 'until-close' = 'none'
  let understandsChunks = true
  let last = false

  const flush = (): void => {
    if (pending === '') return
    const text = pending
    pending = ''
    socket.write(text, 'latin1')
  }
  return {
    open: (chunks) => {
      begun = false
      pending = ''
      understandsChunks = chunks
      last = false
    },
    isBegun: () => begun,
    head: ({ status, reason, lines, hasDate, framing }, close) => {
      begun = true
      if (typeof framing === 'number') coding = 'none'
      else coding = understandsChunks ? 'chunked' : 'until-close'
      last = close || coding === 'until-close'
      pending =
        `HTTP/1.1 ${status} ${reason ?? STATUS_CODES[status] ?? ''}\r\n${lines}` +
        (hasDate ? '' : `Date: ${date()}\r\n`) +
        (coding === 'chunked' ? 'Transfer-Encoding: chunked\r\n' : '') +
        (last ? 'Connection: close\r\n\r\n' : '\r\n')
    },
    flush,
    write: (chunk) => {
      if (chunk.length === 0) return true
      if (coding !== 'chunked') {
        if (pending === '') return socket.write(chunk)
        socket.cork()
        flush()
        const free = socket.write(chunk)
        socket.uncork()
        return free
      }
      const head = pending
      pending = ''
      return writeChunk(socket, chunk, head)
    },
    end: (rest = '') => {
      const tail = coding === 'chunked' ? LAST_CHUNK : ''
      if (typeof rest === 'string') {
        const text = pending + rest + tail
        if (text !== '') socket.write(text, 'latin1')
      } else {
        socket.cork()
        flush()
        socket.write(rest)
        if (tail !== '') socket.write(tail, 'latin1')
        socket.uncork()
      }
      pending = ''
      return !last
    },
  }
}
