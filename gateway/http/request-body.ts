import { createChunkedDecoder, type ChunkedDecoder } from './chunked.ts'

/** Where a request's body goes. */
export type BodyReader = {
  readonly data: (chunk: Buffer) => void
  readonly end: () => void
  /** What comes is no chunked coding; nothing more will come. */
  readonly broken: () => void
}

/** Cuts the body of one request after another out of a connection's octets (RFC 9112 §6). */
export type RequestBody = {
  /** Begins with the body of a request: so many octets, or chunks. */
  readonly open: (length: number, chunked: boolean) => void
  /** Octets that are still to come; Infinity when only the chunks will tell. */
  readonly left: () => number
  readonly isBroken: () => boolean
  /** Takes what belongs to the body from the front of `octets`; answers what is left of them. */
  readonly take: (octets: Buffer, reader: BodyReader) => Buffer
}

export const createRequestBody = (): RequestBody => {
  let remaining = 0
  let chunks: ChunkedDecoder | undefined
  const left = (): number => {
    if (chunks === undefined) return remaining
    return chunks.state() === 'complete' ? 0 : Infinity
  }
  return {
    open: (length, chunked) => {
      remaining = length
      chunks = chunked ? createChunkedDecoder() : undefined
    },
    left,
    isBroken: () => chunks?.state() === 'broken',
    take: (octets, reader) => {
      let used = Math.min(remaining, octets.length)
      if (chunks !== undefined) used = chunks.push(octets, reader.data)
      else {
        remaining -= used
        if (used > 0) reader.data(octets.subarray(0, used))
      }
      if (left() === 0) reader.end()
      return octets.subarray(used)
    },
  }
}
