import type { Socket } from 'node:net'
import { createChunkedDecoder, type ChunkedDecoder } from './chunked.ts'
import { parseResponseHead, type Framing, type ResponseHead } from './response-head.ts'

/** Why an exchange with the upstream came to nothing. */
export type UpstreamFault = 'unreachable' | 'timeout' | 'broken'

/** Where a response goes. After `end` or `fault` nothing more is called. */
export type ResponseSink = {
  readonly method: string
  /** The head, with the first octets of the body; `complete` when they are all of it. */
  readonly head: (head: ResponseHead, body: Buffer, complete: boolean) => void
  readonly data: (chunk: Buffer) => void
  readonly end: () => void
  readonly interim: (head: ResponseHead) => void
  /** 101: the connection is the sink's from now on; `rest` came behind the head. */
  readonly switched: (head: ResponseHead, socket: Socket, rest: Buffer) => void
  readonly fault: (fault: UpstreamFault) => void
}

/** What goes up behind a request head, and whether another may follow it. */
export type Sending = { readonly bodyFollows: boolean; readonly isLast: boolean }

/** One HTTP/1.1 connection to an upstream: one exchange at a time, framed by us (RFC 9112 §6). */
export type UpstreamConnection = {
  readonly socket: Socket
  readonly send: (head: string, sink: ResponseSink, request: Sending) => void
  /** The whole request body has been written; until then the connection is not reused. */
  readonly requestEnded: () => void
  readonly destroy: () => void
}

const MOST_HEAD = 65_536
const nothing = Buffer.alloc(0)

type Owner = {
  /** The connection may carry the next exchange; `idleMs` is how long it will stay open. */
  readonly idle: (connection: UpstreamConnection, idleSeconds: number | undefined) => void
  readonly gone: (connection: UpstreamConnection) => void
}

/** Takes a connected socket. The socket's own timeout (`setTimeout`) is the deadline for progress. */
export const createUpstreamConnection = (socket: Socket, owner: Owner): UpstreamConnection => {
  let sink: ResponseSink | undefined
  let pending: Buffer = nothing
  let framing: Framing | 'head' = 'head'
  let chunked: ChunkedDecoder | undefined
  let current: ResponseHead | undefined
  let requestOpen = false
  let isLast = false
  /** Whether somebody has stopped reading since the deadline was set. */
  let heldBack = false

  const fault = (kind: UpstreamFault): void => {
    const to = sink
    sink = undefined
    socket.destroy()
    to?.fault(kind)
  }

  /** The response is whole: the connection goes back, unless something else is left on it. */
  const settle = (rest: number): void => {
    sink = undefined
    framing = 'head'
    chunked = undefined
    const isReusable = rest === 0 && !requestOpen && !isLast && current?.keepAlive === true
    if (!isReusable || socket.destroyed) socket.destroy()
    else {
      // Whoever held it back for a slow client may be gone, and nobody else would let it go.
      socket.resume()
      owner.idle(connection, current?.idleSeconds)
    }
  }

  const finish = (to: ResponseSink, rest: number): void => {
    settle(rest)
    to.end()
  }

  const onBody = (to: ResponseSink, bytes: Buffer): void => {
    if (framing === 'until-close') to.data(bytes)
    else if (framing === 'chunked') {
      const decoder = (chunked ??= createChunkedDecoder())
      const used = decoder.push(bytes, to.data)
      if (decoder.state() === 'broken') fault('broken')
      else if (decoder.state() === 'complete') finish(to, bytes.length - used)
    } else if (framing !== 'head') {
      const body = bytes.length > framing ? bytes.subarray(0, framing) : bytes
      framing -= body.length
      to.data(body)
      if (framing === 0) finish(to, bytes.length - body.length)
    }
  }

  const onFinalHead = (to: ResponseSink, head: ResponseHead, rest: Buffer): void => {
    current = head
    framing = head.framing
    if (typeof framing === 'number' && rest.length >= framing) {
      const length = framing
      settle(rest.length - length)
      to.head(head, rest.length === length ? rest : rest.subarray(0, length), true)
      return
    }
    to.head(head, nothing, false)
    if (rest.length > 0) onBody(to, rest)
  }

  const onHead = (to: ResponseSink, bytes: Buffer): void => {
    const found = bytes.indexOf('\r\n\r\n')
    if (found === -1 || found > MOST_HEAD) {
      if (bytes.length > MOST_HEAD) fault('broken')
      else pending = bytes
      return
    }
    pending = nothing
    const head = parseResponseHead(bytes.toString('latin1', 0, found), to.method)
    const rest = bytes.subarray(found + 4)
    if (head === undefined) fault('broken')
    else if (head.status === 101) {
      sink = undefined
      detach()
      to.switched(head, socket, rest)
    } else if (head.status < 200) {
      to.interim(head)
      if (rest.length > 0) onHead(to, rest)
    } else onFinalHead(to, head, rest)
  }

  const onData = (bytes: Buffer): void => {
    if (sink === undefined) socket.destroy()
    else if (framing !== 'head') onBody(sink, bytes)
    else onHead(sink, pending.length === 0 ? bytes : Buffer.concat([pending, bytes]))
  }
  const onEnd = (): void => {
    if (sink !== undefined && framing === 'until-close') finish(sink, 0)
    else fault('broken')
  }
  /** Silence is the upstream's only if the client had neither to send nor to read on meanwhile. */
  const onTimeout = (): void => {
    if (sink === undefined) return
    const isClients = heldBack || (requestOpen && !socket.writableNeedDrain)
    heldBack = socket.isPaused()
    if (isClients) socket.setTimeout(socket.timeout ?? 0)
    else fault('timeout')
  }
  const onPause = (): void => {
    heldBack = true
  }
  const onClose = (): void => {
    owner.gone(connection)
    fault('broken')
  }
  const onError = (): void => {
    fault('broken')
  }

  const detach = (): void => {
    owner.gone(connection)
    socket.off('data', onData).off('end', onEnd).off('timeout', onTimeout).off('pause', onPause)
    socket.off('close', onClose).off('error', onError)
  }
  socket.on('data', onData).on('end', onEnd).on('timeout', onTimeout).on('pause', onPause)
  socket.on('close', onClose).on('error', onError)

  const connection: UpstreamConnection = {
    socket,
    send: (head, to, request) => {
      sink = to
      heldBack = false
      requestOpen = request.bodyFollows
      isLast = request.isLast
      socket.write(head, 'latin1')
    },
    requestEnded: () => {
      requestOpen = false
    },
    destroy: () => {
      sink = undefined
      socket.destroy()
    },
  }
  return connection
}
