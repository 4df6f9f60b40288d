import type { Socket } from 'node:net'
import { bindTypeOf, readBindRequest, type BindFault, type BindRequest } from './bind-request.ts'
import {
  FIRST_PDU_OCTETS,
  GENERIC_NACK,
  headerOnly,
  isResponse,
  responseTo,
  statuses,
} from './constants.ts'
import { readFirstFrame, type FrameFault } from './frame.ts'
import { hangUp, ignoreError } from './hang-up.ts'
import { isCommand } from './states.ts'
import type { Ticker } from './ticker.ts'
import { findOverdue, type Timers } from './timers.ts'

/** A bind that cannot be read, with what its answer needs. */
export type UnreadableBind = BindFault & { readonly commandId: number; readonly sequence: number }

/** Why a connection came to nothing before a bind; it has been answered, if that is due, and closed. */
export type NoBind = FrameFault | 'session-init-timeout' | 'closed' | 'not-a-bind'

export type FirstPdu = BindRequest | UnreadableBind | NoBind

export type FirstPduOptions = {
  /** When the connection was accepted, before TLS and a PROXY header; `System.elapsed`. */
  readonly acceptedAt: number
  readonly timers: Timers
  readonly ticker: Ticker
  /** How long a peer may take to close after it was refused, in ms. */
  readonly closeMs: number
}

/** What a first PDU other than a bind is told (SMPP 3.4 §2.2, §4.3); responses are told nothing. */
const answerTo = (pdu: Buffer): Buffer => {
  const [commandId, sequence] = [pdu.readUInt32BE(4), pdu.readUInt32BE(12)]
  if (isResponse(commandId)) return Buffer.alloc(0)
  return isCommand(commandId)
    ? headerOnly(responseTo(commandId), statuses.ESME_RINVBNDSTS, sequence)
    : headerOnly(GENERIC_NACK, statuses.ESME_RINVCMDID, sequence)
}

/**
 * Reads the bind that must come first. After one the socket is paused, and what the client sent
 * behind it stays there, unread, for whoever reads next.
 */
export const readFirstPdu = (
  socket: Socket,
  { acceptedAt, timers, ticker, closeMs }: FirstPduOptions,
  then: (first: FirstPdu) => void,
): void => {
  let bytes: Buffer = Buffer.alloc(0)
  const opened = { heardAt: acceptedAt, workedAt: acceptedAt, enquiredAt: undefined }
  const waiting = { partialSince: undefined, pendingSince: undefined, boundAt: undefined }

  const settle = (first: FirstPdu, lastWords?: Buffer): void => {
    stopTicking()
    socket.off('data', onData).off('end', onLost).off('close', onLost).pause()
    if (lastWords !== undefined) hangUp(socket, lastWords, closeMs)
    then(first)
  }
  const onLost = (): void => {
    settle('closed', Buffer.alloc(0))
  }
  const onData = (chunk: Buffer): void => {
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk])
    const first = readFirstFrame(bytes, FIRST_PDU_OCTETS)
    if (first === undefined) return
    if ('fault' in first) {
      settle(first.fault, headerOnly(GENERIC_NACK, statuses.ESME_RINVCMDLEN, 0))
      return
    }
    const { frame, rest } = first
    const commandId = frame.readUInt32BE(4)
    if (bindTypeOf(commandId) === undefined) {
      settle('not-a-bind', answerTo(frame))
      return
    }
    socket.pause()
    if (rest.length > 0) socket.unshift(rest)
    const request = readBindRequest(frame)
    const sequence = frame.readUInt32BE(12)
    settle('fault' in request ? { ...request, commandId, sequence } : request)
  }
  const stopTicking = ticker.add((now) => {
    if (findOverdue({ openedAt: acceptedAt, ...opened, ...waiting }, timers, now) === undefined)
      return
    settle('session-init-timeout', Buffer.alloc(0))
  })
  socket.on('error', ignoreError)
  socket.on('data', onData).on('end', onLost).on('close', onLost).resume()
}

/** Refuses a bind: 16 octets and a close, the same for every reason of one status. */
export const refuseBind = (
  socket: Socket,
  { commandId, sequence }: { readonly commandId: number; readonly sequence: number },
  status: number,
  closeMs: number,
): void => {
  hangUp(socket, headerOnly(responseTo(commandId), status, sequence), closeMs)
}
