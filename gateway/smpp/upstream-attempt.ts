import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { mapBindRequest, type BindCredentials, type BindRequest } from './bind-request.ts'
import {
  commands,
  FIRST_PDU_OCTETS,
  GENERIC_NACK,
  headerOnly,
  responseTo,
  statuses,
} from './constants.ts'
import { readFirstFrame } from './frame.ts'
import { hangUp, ignoreError } from './hang-up.ts'
import { FIRST_OWN } from './sequence.ts'

/** An SMSC to bind to. */
export type SmppUpstream = {
  readonly host: string
  readonly port: number
  /** TLS 1.2 or better; the certificate is verified against these authorities or the system's. */
  readonly tls?: { readonly ca?: string | undefined } | undefined
  /** In place of the client's own. */
  readonly credentials?: BindCredentials | undefined
}

/** Bound; the socket is paused, and what the SMSC sent behind its answer is still in it. */
export type Bound = { readonly socket: Socket; readonly response: Buffer }

export type BindFailure = {
  readonly reason: 'upstream-unreachable' | 'upstream-timeout' | 'upstream-refused-bind'
  /** For the log: what happened. */
  readonly detail: string
  /** The upstream gave its answer; another one is not asked. */
  readonly isFinal: boolean
  /** The bind was on its way, so it may be what the upstream did not bear. */
  readonly wasSent: boolean
}

/**
 * Gives an attempt up: it calls back no more, and what is bound all the same is unbound. Told once
 * the upstream holds nothing of it, and whether it was sent the bind.
 */
export type GiveUp = (over: (wasSent: boolean) => void) => void

export const hex = (number: number): string => `0x${number.toString(16).padStart(8, '0')}`

const openSocket = ({ host, port, tls }: SmppUpstream): Socket => {
  if (tls === undefined) return connectTcp({ host, port, noDelay: true, keepAlive: true })
  const servername = /^[\d.]+$|:/.test(host) ? '' : host
  const socket = connectTls({ host, port, servername, minVersion: 'TLSv1.2', ...tls })
  return socket.setNoDelay(true).setKeepAlive(true)
}

/** What the first PDU of an SMSC means: nothing if it is the answer that binds. */
const judge = (answer: Buffer, { commandId, sequence }: BindRequest): BindFailure | undefined => {
  const [id, status, number] = [4, 8, 12].map((at) => answer.readUInt32BE(at))
  const isAnswer = id === responseTo(commandId) && number === sequence
  if (isAnswer && status === statuses.ESME_ROK) return undefined
  const isRefusal = isAnswer || (id === GENERIC_NACK && (number === sequence || number === 0))
  const detail = isRefusal
    ? `status ${hex(status ?? 0)}`
    : `${hex(id ?? 0)} numbered ${number ?? 0} in place of an answer`
  return { reason: 'upstream-refused-bind', detail, isFinal: isRefusal, wasSent: true }
}

/** How long an attempt may take, and how long a session that nobody wants may take to close, in ms. */
export type AttemptTimes = { readonly ms: number; readonly closeMs: number }

/** Waits a moment for the answer that nobody wants any more: what is bound by it is unbound. */
const unbindUnwanted = (
  socket: Socket,
  request: BindRequest,
  before: Buffer,
  closeMs: number,
): void => {
  let bytes = before
  const close = (): void => {
    clearTimeout(deadline)
    socket.off('data', onData).destroy()
  }
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk])
    const first = readFirstFrame(bytes, FIRST_PDU_OCTETS)
    if (first === undefined) return
    if ('fault' in first || judge(first.frame, request) !== undefined) {
      close()
      return
    }
    clearTimeout(deadline)
    socket.off('data', onData)
    hangUp(socket, headerOnly(commands.unbind, statuses.ESME_ROK, FIRST_OWN), closeMs)
  }
  const deadline = setTimeout(close, closeMs)
  socket.on('data', onData).once('end', close).once('close', close)
}

/** Connects, binds and calls back once within `ms`, unless it is given up before. */
export const attemptBind = (
  upstream: SmppUpstream,
  request: BindRequest,
  { ms, closeMs }: AttemptTimes,
  then: (result: Bound | BindFailure) => void,
): GiveUp => {
  const socket = openSocket(upstream)
  let bytes: Buffer = Buffer.alloc(0)
  let reached: 'connecting' | 'binding' = 'connecting'
  let cause = 'closed'

  const release = (): void => {
    clearTimeout(deadline)
    socket.off('data', onData).off('close', onClose).off('end', onClose).off('error', onError)
    socket.on('error', ignoreError)
  }
  const end = (failure: BindFailure): void => {
    release()
    socket.destroy()
    then(failure)
  }
  const fail = (reason: BindFailure['reason'], detail: string): void => {
    end({ reason, detail, isFinal: false, wasSent: reached === 'binding' })
  }
  const onClose = (): void => {
    fail('upstream-unreachable', `${cause} while ${reached}`)
  }
  const onData = (chunk: Buffer): void => {
    bytes = Buffer.concat([bytes, chunk])
    const first = readFirstFrame(bytes, FIRST_PDU_OCTETS)
    if (first === undefined) return
    if ('fault' in first) {
      fail('upstream-refused-bind', first.fault)
      return
    }
    const failure = judge(first.frame, request)
    if (failure !== undefined) {
      end(failure)
      return
    }
    release()
    socket.pause()
    if (first.rest.length > 0) socket.unshift(first.rest)
    then({ socket, response: first.frame })
  }
  const deadline = setTimeout(() => {
    fail('upstream-timeout', `nothing while ${reached}`)
  }, ms)
  const onError = (error: Error): void => {
    cause = error.message
  }
  const onReady = (): void => {
    reached = 'binding'
    const { credentials } = upstream
    socket.write(credentials === undefined ? request.pdu : mapBindRequest(request, credentials))
  }
  socket.on('data', onData).on('close', onClose).on('end', onClose).on('error', onError)
  socket.once(upstream.tls === undefined ? 'connect' : 'secureConnect', onReady)
  return (over) => {
    const wasSent = reached === 'binding'
    release()
    if (socket.closed) over(wasSent)
    else
      socket.once('close', () => {
        over(wasSent)
      })
    if (wasSent) unbindUnwanted(socket, request, bytes, closeMs)
    else socket.destroy()
  }
}
