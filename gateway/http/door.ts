import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { WireFault } from '../../policies/facts.ts'
import type { Authorize, Decision } from '../../policies/ports.ts'
import { readingOf, type Reason } from '../../policies/reasons.ts'
import type { Recorder } from '../record.ts'
import type { System } from '../system.ts'
import type { Admit } from './admission.ts'
import type { ClientConnection } from './connection.ts'
import { readEntry, type Entry, type EntryReader } from './entry.ts'
import type { Own } from './own.ts'
import { renderProblem, sendProblem } from './problem.ts'

/** How a request wants to be served: at once, after `100 Continue`, or by another protocol. */
export type Manner = 'plain' | 'continue' | 'upgrade'

/** One request under our roof, from its arrival to its answer. */
export type Visit = {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
  readonly manner: Manner
  readonly entry: Entry
  readonly connection: ClientConnection
  /** `System.elapsed` when its head had been read. */
  readonly arrivedAt: number
}

export type DoorDeps = EntryReader & {
  readonly authorize: Authorize
  readonly admit: Admit
  readonly own: Own
  readonly system: System
  readonly connectionOf: (socket: Socket) => ClientConnection
  /** Records what went wrong after a permit; answers the id under which it is found. */
  readonly recordFailure: Recorder['recordFailure']
  readonly logFailure: (error: unknown, id: string | undefined) => void
  /** No 401 is answered sooner than this after its arrival, in ms, so that time tells nothing. */
  readonly floorMs: number
  readonly answered: (status: number) => void
  readonly newId: () => string
}

/** Takes a request: reads it, asks once, and has it admitted or answers with the reason. */
export type Door = (
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  manner: Manner,
  fault?: WireFault,
) => void

type Refusal = { readonly id: string; readonly reason: Reason; readonly retryAt?: number }

/** A request body up to this is drained after a refusal; a longer one ends the connection. */
const DRAINED_OCTETS = 65_536

const leavesMuch = ({ incoming, entry }: Visit): boolean =>
  !incoming.complete && (entry.head.chunked || Number(entry.head.contentLength) > DRAINED_OCTETS)

const mayWait: ReadonlySet<Reason> = new Set(['source-over-budget', 'overloaded', 'unavailable'])

export const createDoor = (deps: DoorDeps): Door => {
  const { system, floorMs } = deps

  const answer = (visit: Visit, { id, reason, retryAt = 0 }: Refusal): void => {
    const seconds = Math.max(1, Math.ceil((retryAt - system.now()) / 1_000))
    const problem = renderProblem(reason, id, mayWait.has(reason) ? seconds : undefined)
    deps.answered(problem.status)
    const closes = visit.entry.attempt.fault !== undefined || leavesMuch(visit)
    sendProblem(visit.outgoing, problem, closes)
  }

  const refuse = (visit: Visit, refusal: Refusal): void => {
    const wait = visit.arrivedAt + floorMs - system.elapsed()
    if (readingOf(refusal.reason).http === 401 && wait > 0) setTimeout(answer, wait, visit, refusal)
    else answer(visit, refusal)
  }

  const crash = (visit: Visit, error: unknown, decision: Decision | undefined): void => {
    const id = decision?.id ?? deps.newId()
    deps.logFailure(error, id)
    if (visit.outgoing.headersSent) visit.outgoing.destroy()
    else answer(visit, { id, reason: 'internal' })
  }

  const act = (visit: Visit, decision: Decision): void => {
    try {
      if (decision.effect !== 'permit') refuse(visit, decision)
      else
        deps.admit(visit, decision, (reason) => {
          answer(visit, {
            id: deps.recordFailure(visit.entry.attempt, decision.user, reason),
            reason,
          })
        })
    } catch (error) {
      crash(visit, error, decision)
    }
  }

  return (incoming, outgoing, manner, fault) => {
    const connection = deps.connectionOf(incoming.socket)
    connection.serving = outgoing
    const entry = readEntry(deps, incoming, connection, fault)
    const ours = entry.attempt.fault === undefined && entry.target && deps.own(entry.target.path)
    if (ours) {
      ours(incoming, outgoing)
      return
    }
    const visit = { incoming, outgoing, manner, entry, connection, arrivedAt: system.elapsed() }
    const decision = deps.authorize(entry.attempt)
    if (decision instanceof Promise) void decision.then(act.bind(undefined, visit))
    else act(visit, decision)
  }
}
