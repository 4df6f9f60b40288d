import type { WireFault } from '../../policies/facts.ts'
import type { Authorize, Decision } from '../../policies/ports.ts'
import { readingOf, type Reason } from '../../policies/reasons.ts'
import type { Recorder } from '../record.ts'
import type { Floor, Place } from '../floor.ts'
import type { System } from '../system.ts'
import type { ClientConnection } from './connection.ts'
import type { Entry } from './entry.ts'
import type { Exchanger, HttpRequest } from './exchanger.ts'
import type { Own } from './own.ts'
import { renderProblem } from '../../policies/problem.ts'
import { headOf } from './response-writer.ts'

/** One request under our roof, from its arrival to its answer. */
export type Visit = {
  readonly exchanger: Exchanger
  readonly connection: ClientConnection
  readonly entry: Entry
  /** `System.elapsed` when its head had been read. */
  readonly arrivedAt: number
  /** No 401 is answered before its place, so that time tells nothing. */
  readonly place: Place
}

/** Lets a permitted request through to its upstream; `refuse` answers if that comes to nothing. */
export type Admit = (visit: Visit, decision: Decision, refuse: (reason: Reason) => void) => void

export type DoorDeps = {
  readonly readEntry: (
    request: HttpRequest,
    connection: ClientConnection,
    fault?: WireFault,
  ) => Entry
  readonly authorize: Authorize
  readonly admit: Admit
  readonly own: Own
  readonly system: System
  /** Records what went wrong after a permit; answers the id under which it is found. */
  readonly recordFailure: Recorder['recordFailure']
  readonly logFailure: (error: unknown, id: string | undefined) => void
  readonly floor: Floor
  readonly answered: (status: number) => void
  readonly newId: () => string
}

/** Takes a request: reads it, asks once, and has it admitted or answers with the reason. */
export type Door = {
  readonly enter: (exchanger: Exchanger, connection: ClientConnection, request: HttpRequest) => void
  /** For what came and was no request. */
  readonly refuseFault: (
    exchanger: Exchanger,
    connection: ClientConnection,
    fault: WireFault,
  ) => void
}

type Refusal = { readonly id: string; readonly reason: Reason; readonly retryAt?: number }

const noRequest: HttpRequest = {
  method: '',
  target: '',
  minor: 1,
  fields: [],
  head: {
    host: [],
    authorization: [],
    forwardedFor: [],
    length: 0,
    chunked: false,
    upgrade: false,
    continues: false,
    close: true,
    lines: '',
    malformed: true,
  },
}

export const createDoor = (deps: DoorDeps): Door => {
  const { system, floor } = deps

  const answer = ({ exchanger, entry }: Visit, { id, reason, retryAt }: Refusal): void => {
    if (exchanger.isGone() || exchanger.isBegun()) return
    const { status, fields, body } = renderProblem(reason, id, { retryAt, now: system.now() })
    deps.answered(status)
    exchanger.respond(headOf(status, fields, body.length), entry.attempt.fault !== undefined)
    exchanger.end(entry.request.method === 'HEAD' ? '' : body)
  }

  const refuse = (visit: Visit, refusal: Refusal): void => {
    if (readingOf(refusal.reason).http !== 401) answer(visit, refusal)
    else floor.release(visit.place, answer.bind(undefined, visit, refusal))
  }

  const crash = (visit: Visit, error: unknown): void => {
    const id = deps.newId()
    deps.logFailure(error, id)
    if (visit.exchanger.isBegun()) visit.exchanger.abort()
    else answer(visit, { id, reason: 'internal' })
  }

  const act = (visit: Visit, decision: Decision): void => {
    try {
      if (decision.effect !== 'permit') refuse(visit, decision)
      else
        deps.admit(visit, decision, (reason) => {
          const id = deps.recordFailure(visit.entry.attempt, decision.user, reason)
          answer(visit, { id, reason })
        })
    } catch (error) {
      crash(visit, error)
    }
  }

  const ask = (exchanger: Exchanger, connection: ClientConnection, entry: Entry): void => {
    const arrivedAt = system.elapsed()
    const decision = deps.authorize(entry.attempt)
    const place = floor.placeOf(entry.attempt, decision, arrivedAt)
    const visit = { exchanger, connection, entry, arrivedAt, place }
    if (!(decision instanceof Promise)) act(visit, decision)
    else decision.then(act.bind(undefined, visit)).catch(crash.bind(undefined, visit))
  }

  return {
    enter: (exchanger, connection, request) => {
      try {
        const entry = deps.readEntry(request, connection)
        const ours =
          entry.attempt.fault === undefined && entry.target
            ? deps.own(request.method, entry.target.path)
            : undefined
        if (typeof ours === 'function') ours(exchanger, request, entry.target?.path ?? '')
        else ask(exchanger, connection, ours ? deps.readEntry(request, connection, ours) : entry)
      } catch (error) {
        deps.logFailure(error, undefined)
        exchanger.abort()
      }
    },
    refuseFault: (exchanger, connection, fault) => {
      ask(exchanger, connection, deps.readEntry(noRequest, connection, fault))
    },
  }
}
