import type { Socket } from 'node:net'
import type { FieldUseOf } from './fields.ts'
import { createHeadReader, type ReadHead } from './head-reader.ts'
import { createRequestBody, type BodyReader } from './request-body.ts'

/** What comes from a client: heads, and the bodies between them. Nothing is read that nobody takes. */
export type RequestStream = {
  readonly push: (octets: Buffer) => void
  /** Whether octets are here that nobody took. */
  readonly isHolding: () => boolean
  /** Whether a head has begun; half an empty line is no beginning. */
  readonly hasBegun: () => boolean
  /** Takes the next head, if it is all there; empty lines before it are passed over. */
  readonly takeHead: () => ReadHead
  /** Begins with the body behind that head: so many octets, or chunks. */
  readonly open: (length: number, chunked: boolean) => void
  /** Octets of the body that were not taken; Infinity when only the chunks will tell. */
  readonly left: () => number
  /** The whole body, if it is here already. */
  readonly takeWhole: () => Buffer | undefined
  readonly read: (reader: BodyReader) => void
  /** Hands on what has come of the body, as far as it is read. */
  readonly pump: () => void
  readonly pause: () => void
  readonly resume: () => void
  /** Reads from the socket, or does not, until something else decides that. */
  readonly hold: (stop: boolean) => void
  /** The client has ended its side. */
  readonly end: () => void
  /** It has, and there is nothing left to take. */
  readonly isOver: () => boolean
  readonly hasEnded: () => boolean
  /** It ended in the middle of a request. */
  readonly isCutOff: () => boolean
  /** Forgets what nobody took, and gives it away. */
  readonly clear: () => Buffer
}

const nothing: Buffer = Buffer.alloc(0)
const CR = 0x0d
const LF = 0x0a

export const createRequestStream = (
  socket: Socket,
  headerBytes: number,
  useOf: FieldUseOf,
): RequestStream => {
  const body = createRequestBody()
  const readHead = createHeadReader(headerBytes, useOf)
  let held = nothing
  let reader: BodyReader | undefined
  let paused = false
  let ended = false
  let stopped = false

  const hold = (stop: boolean): void => {
    if (stop === stopped) return
    stopped = stop
    if (stop) socket.pause()
    else socket.resume()
  }
  const pump = (): void => {
    const to = reader
    if (held.length > 0 && to !== undefined && !paused && body.left() > 0) {
      held = body.take(held, to)
      if (body.isBroken()) {
        held = nothing
        reader = undefined
        to.broken()
      }
    }
    hold(held.length > 0 || paused)
  }
  const clear = (): Buffer => {
    const rest = held
    held = nothing
    return rest
  }

  return {
    push: (octets) => {
      held = held.length === 0 ? octets : Buffer.concat([held, octets])
    },
    isHolding: () => held.length > 0,
    hasBegun: () => held.length > 1 || (held.length === 1 && held[0] !== CR),
    takeHead: () => {
      // RFC 9112 §2.2.
      while (held[0] === CR && held[1] === LF) held = held.subarray(2)
      const read = held.length === 0 ? undefined : readHead(held)
      if (read === undefined || 'fault' in read) return read
      held = read.size === held.length ? nothing : held.subarray(read.size)
      return read
    },
    open: (length, chunked) => {
      reader = undefined
      paused = false
      body.open(length, chunked)
    },
    left: body.left,
    takeWhole: () => {
      if (held.length < body.left()) return undefined
      let whole = nothing
      const keep = (chunk: Buffer): void => {
        whole = chunk
      }
      held = body.take(held, { data: keep, end: () => undefined, broken: () => undefined })
      return whole
    },
    read: (to) => {
      reader = to
      paused = false
      pump()
    },
    pump,
    pause: () => {
      paused = true
      hold(true)
    },
    resume: () => {
      paused = false
      pump()
    },
    hold,
    end: () => {
      ended = true
    },
    isOver: () => ended && held.length === 0,
    hasEnded: () => ended,
    isCutOff: () => {
      if (!ended) return false
      const left = body.left()
      return left === Infinity ? held.length === 0 : left > held.length
    },
    clear,
  }
}
