import type { Socket } from 'node:net'
import type { BodyReader } from './request-body.ts'
import type { RequestHead } from './request-head.ts'
import type { ParsedRequest } from './request-parser.ts'
import type { Head } from './response-writer.ts'

/** A request whose head was read; the same object again while a client repeats itself. */
export type HttpRequest = ParsedRequest & { readonly head: RequestHead }

/** A client's connection as they see it who answer the one request at hand. */
export type Exchanger = {
  readonly socket: Socket
  /** Called once if the connection closes before the answer is complete. */
  onGone: (() => void) | undefined
  /** Called when the client can take more. */
  onDrain: (() => void) | undefined
  /** Nothing can be answered any more. */
  readonly isGone: () => boolean
  /** The answer's head has been given, so no other answer is possible. */
  readonly isBegun: () => boolean
  /** Gives the answer's head; it goes out with the first of the body. `close`: it is the last. */
  readonly respond: (head: Head, close: boolean) => void
  readonly flush: () => void
  /** False: wait for `onDrain`. */
  readonly write: (chunk: Buffer) => boolean
  readonly end: (rest?: string | Buffer) => void
  /** An interim answer (RFC 9110 §15.2). */
  readonly inform: (status: number, lines: string) => void
  /** Octets of the request's body that were not read yet; Infinity when chunks will tell. */
  readonly left: () => number
  /** The whole body, if it is there already; it counts as read. */
  readonly takeWhole: () => Buffer | undefined
  readonly read: (reader: BodyReader) => void
  readonly pause: () => void
  readonly resume: () => void
  /** After 101 the socket is the caller's; answers what came behind the request. */
  readonly detach: () => Buffer
  /** Breaks the answer off, so that the client cannot take what it has for the whole. */
  readonly abort: () => void
}
