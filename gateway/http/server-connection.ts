import type { Socket } from 'node:net'
import type { WireFault } from '../../policies/facts.ts'
import type { Exchanger, HttpRequest } from './exchanger.ts'
import type { FieldUseOf } from './fields.ts'
import { createHeadReader } from './head-reader.ts'
import { createRequestBody, type BodyReader } from './request-body.ts'
import { createResponseWriter } from './response-writer.ts'

export type ConnectionLimits = {
  readonly headerBytes: number
  /** From the first octet of a head to its last, in ms. */
  readonly headerTimeoutMs: number
  /** How long a connection may wait for its next request, in ms. */
  readonly idleTimeoutMs: number
}

export type ConnectionDeps = {
  readonly limits: ConnectionLimits
  readonly useOf: FieldUseOf
  readonly elapsed: () => number
  /** The instant as RFC 9110 §5.6.7 writes it. */
  readonly date: () => string
  readonly onRequest: (exchanger: Exchanger, request: HttpRequest) => void
  /** What came is no request, or was not there in time: to be answered, and closed. */
  readonly onFault: (exchanger: Exchanger, fault: WireFault) => void
}

/** What a server asks of its connections. */
export type ServerConnection = {
  /** Closes what is past its deadline; called now and then. */
  readonly look: (now: number) => void
  /** Takes no further request; one that is under way is answered. */
  readonly drain: () => void
  /** An answer is owed, or being read. */
  readonly isServing: () => boolean
}

const nothing: Buffer = Buffer.alloc(0)

/** A body of which no more is left is read to its end after a refusal; a longer one is not. */
const MOST_DISCARDED = 65_536

/** How long a client may take to read a last answer. */
const LINGER_MS = 2_000

const discard: BodyReader = { data: () => undefined, end: () => undefined }

/** Stops or goes on reading from a socket, so that what nobody takes is not kept here. */
const createHold = (socket: Socket): ((stop: boolean) => void) => {
  let stopped = false
  return (stop) => {
    if (stop === stopped) return
    stopped = stop
    if (stop) socket.pause()
    else socket.resume()
  }
}

/** One HTTP/1.1 connection of a client: one request at a time, each answered before the next. */
export const createServerConnection = (socket: Socket, deps: ConnectionDeps): ServerConnection => {
  const { limits, elapsed } = deps
  const body = createRequestBody()
  const response = createResponseWriter(socket, deps.date)
  const readHead = createHeadReader(limits.headerBytes, deps.useOf)
  const hold = createHold(socket)
  let state: 'waiting' | 'serving' | 'answered' | 'lingering' | 'gone' = 'waiting'
  let held = nothing
  let reader: BodyReader | undefined
  let paused = false
  let closes = false
  /** The client waits for `100 Continue`, or for an answer instead. */
  let awaitsWord = false
  let deadline = elapsed() + limits.headerTimeoutMs
  /** Whether the deadline is that of a head whose first octet has come. */
  let isHeadDue = true

  const next = (): void => {
    if (closes) {
      // Half-closes, so that a client that still sends is not reset before it has read its answer.
      state = 'lingering'
      deadline = elapsed() + LINGER_MS
      held = nothing
      hold(false)
      socket.end()
      return
    }
    state = 'waiting'
    deadline = elapsed() + limits.idleTimeoutMs
    isHeadDue = false
    reader = undefined
    if (held.length > 0) setImmediate(advance)
    else hold(false)
  }
  /** Hands on what has come of the body, and holds the socket back while nobody reads. */
  const pump = (): void => {
    if (held.length > 0 && reader !== undefined && !paused && body.left() > 0)
      held = body.take(held, reader)
    if (body.isBroken()) socket.destroy()
    else if (state === 'answered' && body.left() === 0) next()
    else hold(held.length > 0 || paused)
  }
  const finish = (): void => {
    exchanger.onGone = undefined
    exchanger.onDrain = undefined
    if (closes || body.left() === 0) next()
    else {
      state = 'answered'
      deadline = elapsed() + limits.headerTimeoutMs
      reader = discard
      paused = false
      pump()
    }
  }

  const begin = (length: number, chunked: boolean, chunksBack: boolean): void => {
    state = 'serving'
    deadline = Infinity
    reader = undefined
    paused = false
    body.open(length, chunked)
    response.open(chunksBack)
  }
  const fault = (of: WireFault): void => {
    held = nothing
    closes = true
    begin(0, false, true)
    deps.onFault(exchanger, of)
  }
  const serve = (request: HttpRequest, octets: number): void => {
    const { length, chunked, close, malformed } = request.head
    held = octets === held.length ? nothing : held.subarray(octets)
    closes ||= close || malformed
    begin(malformed ? 0 : length, chunked && !malformed, request.minor === 1)
    awaitsWord = request.head.continues && held.length === 0 && body.left() > 0
    hold(held.length > 0)
    deps.onRequest(exchanger, request)
  }
  /** The time for a head runs from its first octet, empty lines before it included. */
  const awaitHead = (): void => {
    if (!isHeadDue) deadline = elapsed() + limits.headerTimeoutMs
    isHeadDue = true
    hold(false)
  }
  const advance = (): void => {
    // An empty line or two before a request are passed over (RFC 9112 §2.2).
    while (held[0] === 0x0d && held[1] === 0x0a) held = held.subarray(2)
    if (state !== 'waiting') return
    const read = held.length === 0 ? undefined : readHead(held)
    if (read === undefined) awaitHead()
    else if ('fault' in read) fault(read.fault)
    else serve(read.request, read.size)
  }

  const onData = (octets: Buffer): void => {
    if (state === 'lingering' || state === 'gone') return
    awaitsWord = false
    held = held.length === 0 ? octets : Buffer.concat([held, octets])
    if (state === 'waiting') advance()
    else pump()
  }
  /** A client may end its side and still read its answer; but half a request is none. */
  const onEnd = (): void => {
    closes = true
    if (state === 'waiting') socket.end()
    else if (body.left() > held.length) socket.destroy()
  }
  const onClose = (): void => {
    state = 'gone'
    exchanger.onGone?.()
  }
  const destroy = (): void => {
    socket.destroy()
  }
  const drain = (): void => exchanger.onDrain?.()
  const listeners = { data: onData, end: onEnd, close: onClose, error: destroy, drain }
  for (const [name, listener] of Object.entries(listeners)) socket.on(name, listener)

  const exchanger: Exchanger = {
    socket,
    onGone: undefined,
    onDrain: undefined,
    isGone: () => state !== 'serving' || socket.destroyed,
    isBegun: response.isBegun,
    respond: (head, close) => {
      // Who was not told to go on sends the body or does not: what comes next cannot be told apart.
      closes ||= close || awaitsWord || body.left() > MOST_DISCARDED
      response.head(head, closes)
    },
    flush: response.flush,
    write: response.write,
    end: (rest) => {
      closes = !response.end(rest) || closes
      finish()
    },
    inform: (status, lines) => {
      if (status === 100) awaitsWord = false
      if (!response.isBegun()) socket.write(`HTTP/1.1 ${status} \r\n${lines}\r\n`, 'latin1')
    },
    left: body.left,
    takeWhole: () => {
      if (held.length < body.left()) return undefined
      let whole = nothing
      held = body.take(held, { ...discard, data: (chunk) => void (whole = chunk) })
      return whole
    },
    read: (to) => {
      reader = to
      pump()
    },
    pause: () => {
      paused = true
      hold(true)
    },
    resume: () => {
      paused = false
      pump()
    },
    detach: () => {
      state = 'gone'
      for (const [name, listener] of Object.entries(listeners)) socket.off(name, listener)
      hold(false)
      return held
    },
    destroy,
  }
  return {
    look: (now) => {
      if (now < deadline) return
      if (state === 'waiting' && held.length > 0) fault('request-timeout')
      else socket.destroy()
    },
    drain: () => {
      closes = true
      if (state !== 'waiting' || held.length > 0) return
      // What comes now was sent too late to be taken.
      state = 'gone'
      socket.end()
    },
    isServing: () => state === 'serving' || state === 'answered' || state === 'lingering',
  }
}
