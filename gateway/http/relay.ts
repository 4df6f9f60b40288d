import type { Socket } from 'node:net'
import type { Reason } from '../../policies/reasons.ts'
import type { Exchanger, HttpRequest } from './exchanger.ts'
import type { ResponseHead } from './response-head.ts'
import { createUpload, type Upload } from './upload.ts'
import type { UpstreamConnection, UpstreamFault } from './upstream-connection.ts'
import type { Candidate } from './upstreams.ts'

/** A permitted request on its way to an upstream. */
export type Relayed = {
  readonly request: HttpRequest
  readonly exchanger: Exchanger
  /** In order of preference, each with the request head as it gets it, last empty line included. */
  readonly candidates: readonly Candidate[]
  readonly decisionId: string
  /** Records why it came to nothing, and answers so unless the upstream's answer has begun. */
  readonly refuse: (reason: Reason) => void
  /** 101, if it was asked for: the upstream's end is handed over, with what came behind the head. */
  readonly switched: ((head: ResponseHead, socket: Socket, rest: Buffer) => void) | undefined
  /** Called once, when nothing more will happen; the status, if there was an answer. */
  readonly ended: (status: number | undefined) => void
}

/** An exchange that is under way. */
export type Exchange = { readonly cut: (reason: Reason) => void }

const bodiless = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE'])
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

const nothing = Buffer.alloc(0)

const reasonOf: Readonly<Record<UpstreamFault, Reason>> = {
  unreachable: 'upstream-unreachable',
  broken: 'upstream-unreachable',
  timeout: 'upstream-timeout',
}

/** Octets up to which a whole body goes out together with its head, in one write. */
const SMALL_BODY = 16_384

/** Sends the request and streams the answer back, with back-pressure both ways (RFC 9110 §7.6). */
export const relay = (relayed: Relayed): Exchange => {
  const { request, exchanger, candidates } = relayed
  const { method, head: requestHead } = request
  /** An upstream that ignores the body of a GET takes it for a request: not on a kept connection. */
  const isLast = bodiless.has(method) && exchanger.left() > 0
  let connection: UpstreamConnection | undefined
  let withdraw: (() => void) | undefined
  let upload: Upload | undefined
  let status: number | undefined
  let over = false

  const finish = (): void => {
    over = true
    upload?.stop()
    relayed.ended(status)
  }
  const letGo = (): void => {
    withdraw?.()
    connection?.destroy()
  }
  /** Ends the exchange in our own name or, when half the answer is out, visibly broken off. */
  const cut = (reason: Reason): void => {
    if (over) return
    letGo()
    exchanger.onGone = undefined
    finish()
    const begun = exchanger.isBegun()
    relayed.refuse(reason)
    if (begun) exchanger.abort()
  }
  const onGone = (): void => {
    if (over) return
    letGo()
    finish()
  }
  const resume = (): void => {
    connection?.socket.resume()
  }

  const sink = {
    method,
    head: (head: ResponseHead, body: Buffer, complete: boolean) => {
      if (over) return
      status = head.status
      const lines = `${head.lines}x-sallyport-decision: ${relayed.decisionId}\r\n`
      exchanger.respond({ ...head, lines }, false)
      if (!complete) exchanger.flush()
      else {
        finish()
        exchanger.end(body.length <= SMALL_BODY ? body.toString('latin1') : body)
      }
    },
    data: (chunk: Buffer) => {
      if (over || exchanger.write(chunk)) return
      connection?.socket.pause()
      exchanger.onDrain = resume
    },
    end: () => {
      if (over) return
      finish()
      exchanger.end()
    },
    interim: (head: ResponseHead) => {
      if (!over && head.status !== 100 && request.minor === 1)
        exchanger.inform(head.status, head.lines)
    },
    switched: (head: ResponseHead, socket: Socket, rest: Buffer) => {
      if (over || relayed.switched === undefined) {
        socket.destroy()
        cut('upstream-unreachable')
        return
      }
      over = true
      relayed.switched(head, socket, rest)
    },
    fault: (fault: UpstreamFault) => {
      cut(reasonOf[fault])
    },
  }

  const sendOn = (to: UpstreamConnection, head: string): void => {
    connection = to
    withdraw = undefined
    const whole = exchanger.left() === 0 ? nothing : exchanger.takeWhole()
    if (whole !== undefined && whole.length <= SMALL_BODY) {
      to.send(head + whole.toString('latin1'), sink, { bodyFollows: false, isLast })
      return
    }
    to.send(head, sink, { bodyFollows: true, isLast })
    if (whole !== undefined) {
      to.socket.write(whole)
      to.requestEnded()
      return
    }
    if (requestHead.continues) exchanger.inform(100, '')
    upload = createUpload(exchanger, to, requestHead.chunked, cut)
  }

  const begin = (at: number): void => {
    const next = candidates[at]
    if (next === undefined) {
      cut('upstream-unreachable')
      return
    }
    const { upstream, head } = next
    const idle = upstream.takeIdle()
    if (idle !== undefined) {
      sendOn(idle, head())
      return
    }
    withdraw = upstream.acquire((got) => {
      if (over) {
        if (typeof got !== 'string') got.destroy()
      } else if (typeof got !== 'string') sendOn(got, head())
      else if (got === 'overloaded') cut('overloaded')
      // Nothing of it has been sent, so another upstream may have it (RFC 9110 §9.2.2).
      else if (idempotent.has(method) && at + 1 < candidates.length) begin(at + 1)
      else cut(reasonOf[got])
    })
  }

  exchanger.onGone = onGone
  if (exchanger.isGone()) onGone()
  else begin(0)
  return { cut }
}
