import type { Socket } from 'node:net'
import type { WireFault } from '../../policies/facts.ts'
import type { Exchanger, HttpRequest } from './exchanger.ts'
import type { FieldUseOf } from './fields.ts'
import { createOutputWatch } from './output-watch.ts'
import type { BodyReader } from './request-body.ts'
import { createRequestStream } from './request-stream.ts'
import { createResponseWriter } from './response-writer.ts'

export type ConnectionLimits = {
  readonly headerBytes: number
  /** From the first octet of a head to its last, in ms. */
  readonly headerTimeoutMs: number
  /** How long a connection may wait for its next request, or take nothing of an answer, in ms. */
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

/** A body of which no more is left is read to its end after a refusal; a longer one is not. */
const MOST_DISCARDED = 65_536

/** How long a client may take to hang up once the last answer is with its kernel. */
const LINGER_MS = 2_000

/** One HTTP/1.1 connection of a client: one request at a time, each answered before the next. */
export const createServerConnection = (socket: Socket, deps: ConnectionDeps): ServerConnection => {
  const { limits, elapsed } = deps
  const stream = createRequestStream(socket, limits.headerBytes, deps.useOf)
  const response = createResponseWriter(socket, deps.date)
  const watchOutput = createOutputWatch(socket, limits.idleTimeoutMs)
  let state: 'waiting' | 'serving' | 'answered' | 'lingering' | 'gone' = 'waiting'
  let closes = false
  /** The client waits for `100 Continue`, or for an answer instead. */
  let awaitsWord = false
  let deadline = elapsed() + limits.headerTimeoutMs
  /** Whether the deadline is that of a head whose first octet has come. */
  let isHeadDue = true

  const destroy = (): void => {
    socket.destroy()
  }
  const discard: BodyReader = { data: () => undefined, end: () => undefined, broken: destroy }

  /** Half-closes, so that a client that still sends is not reset before it has read its answer. */
  const linger = (): void => {
    state = 'lingering'
    deadline = elapsed() + limits.idleTimeoutMs
    stream.clear()
    stream.hold(false)
    socket.end(() => {
      deadline = elapsed() + LINGER_MS
    })
  }
  /** Takes the next request, unless the client has not even read the answers before it. */
  const goOn = (): void => {
    stream.hold(stream.isHolding() || socket.writableNeedDrain)
    if (stream.isHolding()) setImmediate(advance)
  }
  const next = (): void => {
    if (closes || stream.isOver()) {
      linger()
      return
    }
    state = 'waiting'
    deadline = elapsed() + limits.idleTimeoutMs
    isHeadDue = false
    goOn()
  }
  const finish = (): void => {
    exchanger.onGone = undefined
    exchanger.onDrain = undefined
    if (closes || stream.left() === 0) next()
    else {
      state = 'answered'
      deadline = elapsed() + limits.headerTimeoutMs
      stream.read(discard)
      afterPump()
    }
  }
  const afterPump = (): void => {
    if (stream.isCutOff()) socket.destroy()
    else if (state === 'answered' && stream.left() === 0) next()
  }

  const fault = (of: WireFault): void => {
    stream.clear()
    closes = true
    state = 'serving'
    deadline = Infinity
    stream.open(0, false)
    response.open(true)
    deps.onFault(exchanger, of)
  }
  const serve = (request: HttpRequest): void => {
    const { length, chunked, close, malformed, continues } = request.head
    closes ||= close || malformed
    state = 'serving'
    deadline = Infinity
    stream.open(malformed ? 0 : length, chunked && !malformed)
    response.open(request.minor === 1)
    awaitsWord = continues && !stream.isHolding() && stream.left() > 0
    stream.hold(stream.isHolding())
    deps.onRequest(exchanger, request)
  }
  /** The time for a head runs from its first octet, empty lines before it included. */
  const awaitHead = (): void => {
    if (!isHeadDue) deadline = elapsed() + limits.headerTimeoutMs
    isHeadDue = true
    stream.hold(false)
  }
  const advance = (): void => {
    if (state !== 'waiting' || socket.writableNeedDrain) return
    const read = stream.takeHead()
    if (read === undefined && stream.hasEnded()) linger()
    else if (read === undefined) awaitHead()
    else if ('fault' in read) fault(read.fault)
    else serve(read.request)
  }

  const onData = (octets: Buffer): void => {
    if (state === 'lingering' || state === 'gone') return
    awaitsWord = false
    stream.push(octets)
    if (state === 'waiting') advance()
    else {
      stream.pump()
      afterPump()
    }
  }
  /** Whole requests that came before are answered still. */
  const onEnd = (): void => {
    stream.end()
    if (state === 'waiting') advance()
    else afterPump()
  }
  const onClose = (): void => {
    state = 'gone'
    exchanger.onGone?.()
  }
  const onDrain = (): void => {
    if (state === 'waiting') goOn()
    else exchanger.onDrain?.()
  }
  const listeners = { data: onData, end: onEnd, close: onClose, error: destroy, drain: onDrain }
  for (const [name, listener] of Object.entries(listeners)) socket.on(name, listener)

  const exchanger: Exchanger = {
    socket,
    onGone: undefined,
    onDrain: undefined,
    isGone: () => state !== 'serving' || socket.destroyed,
    isBegun: response.isBegun,
    respond: (head, close) => {
      // Who was not told to go on sends the body or does not: what comes next cannot be told apart.
      closes ||= close || awaitsWord || stream.left() > MOST_DISCARDED || stream.isOver()
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
    left: stream.left,
    takeWhole: stream.takeWhole,
    read: stream.read,
    pause: stream.pause,
    resume: stream.resume,
    detach: () => {
      state = 'gone'
      for (const [name, listener] of Object.entries(listeners)) socket.off(name, listener)
      stream.hold(false)
      return stream.clear()
    },
    abort: () => {
      if ('encrypted' in socket) socket.destroy()
      else socket.resetAndDestroy()
    },
  }
  return {
    look: (now) => {
      const output = watchOutput(now)
      // The time to hang up, or to ask again, runs from when the answer was taken.
      if (output === 'moving') deadline = Math.max(deadline, now + LINGER_MS)
      if (output !== 'stalled' && now < deadline) return
      if (output === 'none' && state === 'waiting' && stream.hasBegun()) fault('request-timeout')
      else socket.destroy()
    },
    drain: () => {
      closes = true
      if (state !== 'waiting' || stream.isHolding()) return
      // What comes now was sent too late to be taken.
      state = 'gone'
      socket.end()
    },
    isServing: () => state === 'serving' || state === 'answered' || state === 'lingering',
  }
}
