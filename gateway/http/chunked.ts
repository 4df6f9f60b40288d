import type { Socket } from 'node:net'

/** What a chunked body has come to: data still flowing, complete, or not chunked coding at all. */
export type ChunkedState = 'open' | 'complete' | 'broken'

/** Decodes the chunked coding (RFC 9112 §7.1), piece by piece; data goes to `emit` uncopied. */
export type ChunkedDecoder = {
  /** Returns how many octets of `bytes` belong to the body. */
  readonly push: (bytes: Buffer, emit: (data: Buffer) => void) => number
  readonly state: () => ChunkedState
}

const CR = 0x0d
const LF = 0x0a
const MOST_LINE = 4_096
const MOST_TRAILERS = 16_384
const sizeLine = /^([0-9a-fA-F]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/

export const createChunkedDecoder = (): ChunkedDecoder => {
  let state: ChunkedState = 'open'
  let expects: 'size' | 'data' | 'data-end' | 'trailer' = 'size'
  let remaining = 0
  let line = ''
  let trailers = 0

  const endOfLine = (): void => {
    if (expects === 'size') {
      const size = sizeLine.exec(line)?.[1]
      if (size === undefined) {
        state = 'broken'
        return
      }
      remaining = Number.parseInt(size, 16)
      expects = remaining === 0 ? 'trailer' : 'data'
    } else if (expects === 'data-end') {
      if (line === '') expects = 'size'
      else state = 'broken'
    } else if (line === '') state = 'complete'
  }

  /** Takes octets of a line until its CRLF; returns where the next thing starts. */
  const readLine = (bytes: Buffer, from: number): number => {
    const found = bytes.indexOf(LF, from)
    const end = found === -1 ? bytes.length : found
    line += bytes.toString('latin1', from, end)
    if (expects === 'trailer') trailers += end - from
    if (line.length > MOST_LINE || trailers > MOST_TRAILERS) state = 'broken'
    if (found === -1 || state === 'broken') return end
    if (line.charCodeAt(line.length - 1) === CR) {
      line = line.slice(0, -1)
      endOfLine()
    } else state = 'broken'
    line = ''
    return found + 1
  }

  return {
    push: (bytes, emit) => {
      let at = 0
      while (at < bytes.length && state === 'open') {
        if (expects !== 'data') {
          at = readLine(bytes, at)
          continue
        }
        const end = Math.min(bytes.length, at + remaining)
        emit(bytes.subarray(at, end))
        remaining -= end - at
        at = end
        if (remaining === 0) expects = 'data-end'
      }
      return at
    },
    state: () => state,
  }
}

/** Ends a chunked body that has no trailers. */
export const LAST_CHUNK = '0\r\n\r\n'

/** Writes one chunk, which must not be empty, behind `head`. False: wait for `drain` before more. */
export const writeChunk = (socket: Socket, chunk: Buffer, head = ''): boolean => {
  socket.cork()
  socket.write(`${head}${chunk.length.toString(16)}\r\n`, 'latin1')
  socket.write(chunk)
  const free = socket.write('\r\n', 'latin1')
  socket.uncork()
  return free
}
