import type { Socket } from 'node:net'
import type { User } from '../../policies/facts.ts'
import type { Reason } from '../../policies/reasons.ts'
import type { JudgeLive } from '../judge.ts'
import type { Live, LiveObject } from '../live.ts'
import type { System } from '../system.ts'
import type { Admit } from './door.ts'
import { relay, type Exchange } from './relay.ts'
import type { ResponseHead } from './response-head.ts'
import { createTunnel } from './tunnel.ts'
import { upstreamHead } from './upstream-head.ts'
import type { Upstreams } from './upstreams.ts'

export type AdmissionDeps = {
  readonly judge: JudgeLive
  /** Judges the user's live objects anew if the user is not as it was at the decision. */
  readonly recheck: (user: User) => void
  readonly system: System
  readonly live: Live
  readonly upstreams: Upstreams
  /** A signed assertion of who the user is, when the operator wishes one. */
  readonly assert: ((user: User) => string | Promise<string>) | undefined
  readonly logFailure: (error: unknown) => void
  /** A relayed exchange has ended: the client's status, and how long it took, in ms. */
  readonly relayed: (status: number, ms: number) => void
}

export const createAdmit = (deps: AdmissionDeps): Admit => {
  const { live, system, upstreams } = deps
  return (visit, decision, refuse) => {
    const { exchanger, connection, entry } = visit
    const { request, route, target, attempt, forwardedFor } = entry
    const { user, id: decisionId } = decision
    if (user === undefined || route === undefined || target === undefined)
      throw new Error('a permit without a user, a route or a target')
    const { upgrade } = request.head
    const permittedAt = system.elapsed()

    let exchange: Exchange | undefined
    let endedFor: Reason | undefined
    const object: LiveObject = {
      id: decisionId,
      userId: user.id,
      accountId: user.accountId,
      target: attempt.target,
      source: attempt.client?.text,
      since: system.now(),
      kind: upgrade ? 'upgrade' : 'http',
      judge: (now) => deps.judge({ attempt, then: user, now: now?.user }),
      end: (reason) => {
        endedFor = reason
        exchange?.cut(reason)
      },
    }
    const ended = (status: number | undefined): void => {
      live.delete(object)
      if (status !== undefined) deps.relayed(status, system.elapsed() - permittedAt)
    }
    const switched = (head: ResponseHead, upstream: Socket, rest: Buffer): void => {
      exchange = createTunnel({
        exchanger,
        head,
        upstream,
        rest,
        decisionId,
        record: refuse,
        ended,
      })
    }
    const begin = (assertion?: string): void => {
      if (endedFor !== undefined) {
        live.delete(object)
        refuse(endedFor)
        return
      }
      const candidates = upstreams.of(route, target.path, (path) =>
        upstreamHead(path, {
          request,
          target,
          user,
          decisionId,
          forwardedFor,
          proto: connection.secure ? 'https' : 'http',
          forwardAuthorization: route.forwardAuthorization,
          assertion,
        }),
      )
      exchange = relay({
        request,
        exchanger,
        candidates,
        decisionId,
        refuse,
        switched: upgrade ? switched : undefined,
        ended,
      })
    }

    live.add(object)
    deps.recheck(user)
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
