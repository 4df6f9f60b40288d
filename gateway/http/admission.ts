import type { Socket } from 'node:net'
import type { User } from '../../policies/facts.ts'
import type { Decision } from '../../policies/ports.ts'
import type { Reason } from '../../policies/reasons.ts'
import type { Judge } from '../authorize.ts'
import type { Live, LiveObject } from '../live.ts'
import type { System } from '../system.ts'
import type { Visit } from './door.ts'
import { relay, type Exchange } from './relay.ts'
import type { ResponseHead } from './response-head.ts'
import { createTunnel } from './tunnel.ts'
import { upstreamHead } from './upstream-head.ts'
import type { Upstreams } from './upstreams.ts'

/** Lets a permitted request through to its upstream; `refuse` answers if that comes to nothing. */
export type Admit = (visit: Visit, decision: Decision, refuse: (reason: Reason) => void) => void

export type AdmissionDeps = {
  readonly judge: Judge
  readonly system: System
  readonly live: Live
  readonly upstreams: Upstreams
  /** A signed assertion of who the user is, when the operator wishes one. */
  readonly assert: ((user: User) => string | Promise<string>) | undefined
  readonly logFailure: (error: unknown) => void
  /** A relayed exchange has ended: the client's status, and how long it took, in ms. */
  readonly relayed: (status: number, ms: number) => void
}

const bodyOf = ({ entry: { head }, manner }: Visit): 'none' | 'length' | 'chunked' => {
  if (manner === 'upgrade') return 'none'
  if (head.chunked) return 'chunked'
  return head.contentLength === undefined || head.contentLength === '0' ? 'none' : 'length'
}

export const createAdmit = (deps: AdmissionDeps): Admit => {
  const { live, system, upstreams } = deps
  return (visit, decision, refuse) => {
    const { incoming, outgoing, manner, connection } = visit
    const { route, target, attempt, method, head, forwardedFor } = visit.entry
    const { user, id: decisionId } = decision
    if (user === undefined || route === undefined || target === undefined)
      throw new Error('a permit without a user, a route or a target')

    let exchange: Exchange | undefined
    let endedFor: Reason | undefined
    const object: LiveObject = {
      userId: user.id,
      kind: manner === 'upgrade' ? 'upgrade' : 'http',
      judge: (now) => deps.judge(attempt, user, now),
      end: (reason) => {
        endedFor = reason
        exchange?.cut(reason)
      },
    }
    const ended = (): void => {
      live.delete(object)
      if (outgoing.headersSent)
        deps.relayed(outgoing.statusCode, system.elapsed() - visit.arrivedAt)
    }
    const headWith = (assertion: string | undefined) => (path: string) =>
      upstreamHead(path, {
        method,
        target,
        head,
        user,
        decisionId,
        forwardedFor,
        proto: connection.secure ? 'https' : 'http',
        forwardAuthorization: route.forwardAuthorization,
        assertion,
        upgrade: manner === 'upgrade',
      })
    const switched = (switching: ResponseHead, socket: Socket, rest: Buffer): void => {
      exchange = createTunnel({
        outgoing,
        head: switching,
        upstream: socket,
        rest,
        decisionId,
        ended,
      })
    }
    const begin = (assertion: string | undefined): void => {
      if (endedFor !== undefined) {
        live.delete(object)
        refuse(endedFor)
        return
      }
      exchange = relay({
        incoming,
        outgoing,
        body: bodyOf(visit),
        continues: manner === 'continue',
        decisionId,
        upstreams: upstreams.of(route, target.path, headWith(assertion)),
        refuse,
        switched: manner === 'upgrade' ? switched : undefined,
        ended,
      })
    }

    live.add(object)
    const assertion = deps.assert?.(user)
    if (!(assertion instanceof Promise)) begin(assertion)
    else
      assertion.then(begin, (error: unknown) => {
        deps.logFailure(error)
        live.delete(object)
        refuse('unavailable')
      })
  }
}
