import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Reason } from '../../policies/reasons.ts'
import type { Upstream } from './upstream.ts'
import type { UpstreamConnection, UpstreamFault } from './upstream-connection.ts'
import type { ResponseHead } from './response-head.ts'
import { createUpload, type Upload } from './upload.ts'

/** A permitted request on its way to an upstream. */
export type Relayed = {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly body: 'none' | 'length' | 'chunked'
  /** The client waits for `100 Continue` before it sends its body. */
  readonly continues: boolean
  /** In order of preference, each with the request head as it gets it, last empty line included. */
  readonly upstreams: readonly { readonly upstream: Upstream; readonly head: string }[]
  readonly decisionId: string
  /** Answers in our own name; only called while nothing of the upstream's has been sent. */
  readonly refuse: (reason: Reason) => void
  /** 101, if it was asked for: the upstream's end is handed over, with what came behind the head. */
  readonly switched: ((head: ResponseHead, socket: Socket, rest: Buffer) => void) | undefined
  /** Called once, when nothing more will happen. */
  readonly ended: () => void
}

/** An exchange that is under way. */
export type Exchange = { readonly cut: (reason: Reason) => void }

const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

const reasonOf: Readonly<Record<UpstreamFault, Reason>> = {
  unreachable: 'upstream-unreachable',
  broken: 'upstream-unreachable',
  timeout: 'upstream-timeout',
}

/** Octets up to which a whole body is sent together with its head, in one write. */
const SMALL_BODY = 16_384

/** Sends the request and streams the answer back, with back-pressure both ways (RFC 9110 §7.6). */
export const relay = (relayed: Relayed): Exchange => {
  const { incoming, outgoing, upstreams } = relayed
  const method = incoming.method ?? 'GET'
  let connection: UpstreamConnection | undefined
  let withdraw: (() => void) | undefined
  let upload: Upload | undefined
  let over = false

  const finish = (): void => {
    if (over) return
    over = true
    outgoing.off('close', onClientGone)
    relayed.ended()
  }
  const letGo = (): void => {
    withdraw?.()
    upload?.stop()
    connection?.destroy()
  }
  /** Ends the exchange in our own name, or, when half the answer is out, visibly broken off. */
  const cut = (reason: Reason): void => {
    if (over) return
    letGo()
    finish()
    if (outgoing.headersSent) outgoing.destroy()
    else relayed.refuse(reason)
  }
  const onClientGone = (): void => {
    letGo()
    finish()
  }

  const sendHead = (head: ResponseHead): boolean => {
    head.fields.push('x-sallyport-decision', relayed.decisionId)
    // The rest of an upload that the upstream did not wait for is not read.
    if (upload?.done() === false) outgoing.shouldKeepAlive = false
    try {
      outgoing.writeHead(head.status, head.reason, head.fields)
      return true
    } catch {
      cut('upstream-unreachable')
      return false
    }
  }
  const resume = (): void => {
    connection?.socket.resume()
  }

  const sink = {
    method,
    head: (head: ResponseHead, body: Buffer, complete: boolean) => {
      if (over || !sendHead(head)) return
      if (!complete) {
        outgoing.flushHeaders()
        return
      }
      if (body.length <= SMALL_BODY) outgoing.end(body.toString('latin1'), 'latin1')
      else outgoing.end(body)
      finish()
    },
    data: (chunk: Buffer) => {
      if (over || outgoing.write(chunk)) return
      connection?.socket.pause()
      outgoing.once('drain', resume)
    },
    end: () => {
      if (over) return
      outgoing.end()
      finish()
    },
    interim: (head: ResponseHead) => {
      if (over || head.status === 100 || incoming.httpVersionMinor === 0) return
      outgoing.writeInformation(head.status, head.fields)
    },
    switched: (head: ResponseHead, socket: Socket, rest: Buffer) => {
      if (over || relayed.switched === undefined) {
        socket.destroy()
        cut('upstream-unreachable')
        return
      }
      over = true
      outgoing.off('close', onClientGone)
      relayed.switched(head, socket, rest)
    },
    fault: (fault: UpstreamFault) => {
      cut(reasonOf[fault])
    },
  }

  const sendOn = (to: UpstreamConnection, head: string): void => {
    connection = to
    withdraw = undefined
    to.send(head, sink, relayed.body !== 'none')
    if (relayed.body === 'none') return
    if (relayed.continues) outgoing.writeContinue()
    upload = createUpload(incoming, to, relayed.body === 'chunked', () => {
      cut('request-timeout')
    })
  }

  const begin = (at: number): void => {
    const next = upstreams[at]
    if (next === undefined) {
      cut('upstream-unreachable')
      return
    }
    const { upstream, head } = next
    const idle = upstream.takeIdle()
    if (idle !== undefined) {
      sendOn(idle, head)
      return
    }
    withdraw = upstream.acquire((got) => {
      if (over) {
        if (typeof got !== 'string') got.destroy()
      } else if (typeof got !== 'string') sendOn(got, head)
      else if (got === 'overloaded') cut('overloaded')
      // Nothing of it has been sent, so another upstream may have it (RFC 9110 §9.2.2).
      else if (idempotent.has(method) && at + 1 < upstreams.length) begin(at + 1)
      else cut(reasonOf[got])
    })
  }

  outgoing.on('close', onClientGone)
  if (outgoing.destroyed) onClientGone()
  else begin(0)
  return { cut }
}
