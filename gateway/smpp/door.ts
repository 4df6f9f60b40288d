import type { Socket } from 'node:net'
import type { Address } from '../../policies/address.ts'
import type { Attempt, Authorize, Decision } from '../../policies/ports.ts'
import { readingOf, type Reason } from '../../policies/reasons.ts'
import type { Floor } from '../floor.ts'
import type { Recorder } from '../record.ts'
import type { Arrival } from './arrivals.ts'
import type { BindRequest } from './bind-request.ts'
import { statuses } from './constants.ts'
import { readFirstPdu, refuseBind, type FirstPduOptions, type UnreadableBind } from './first-pdu.ts'
import type { Waste } from './waste.ts'

/** A bind under our roof, from its arrival to its answer. */
export type Visit = {
  readonly socket: Socket
  readonly request: BindRequest
  readonly attempt: Attempt
  readonly decision: Decision
}

/**
 * Lets a permitted bind through: takes a slot, binds upstream, relays the answer and then the
 * frames. `bound` ends the time without a bind; `refuse` answers if it comes to nothing.
 */
export type Admit = (
  visit: Visit,
  bound: () => void,
  refuse: (reason: Reason) => void,
) => Promise<void>

export type DoorDeps = Omit<FirstPduOptions, 'acceptedAt'> & {
  readonly authorize: Authorize
  readonly admit: Admit
  readonly recordFailure: Recorder['recordFailure']
  /** Nobody is let in any more. */
  readonly isDraining: () => boolean
  /** Ms that never run backwards. */
  readonly elapsed: () => number
  /** Holds back the refusals that must not be told apart by their time. */
  readonly floor: Floor
  readonly wasted: Waste
  readonly logFailure: (error: unknown) => void
}

/** Takes a connection: reads its bind, asks once, and has it admitted or answers and closes. */
export type Door = (socket: Socket, client: Address, arrival: Arrival) => void

/** What goes into a bind response: a status of the table, never one that tells more (§5.1.3). */
const statusOf = (reason: Reason): number => readingOf(reason).smpp ?? statuses.ESME_RBINDFAIL

const attemptOf = (
  bind: BindRequest | UnreadableBind,
  client: Address,
  isProxyItself: boolean,
): Attempt => {
  const shared = { channel: 'smpp', client, isProxyItself, route: {} } as const
  if ('fault' in bind) return { ...shared, credential: { kind: 'malformed' } }
  const { systemId: username, password: secret, type } = bind
  return {
    ...shared,
    credential: { kind: 'password', username, secret },
    target: `bind_${type}`,
  }
}

export const createDoor = (deps: DoorDeps): Door => {
  const { floor, closeMs } = deps

  const onBind = async (
    socket: Socket,
    bind: BindRequest | UnreadableBind,
    client: Address,
    { leave, isProxyItself }: Arrival,
  ): Promise<void> => {
    const arrivedAt = deps.elapsed()
    const attempt = attemptOf(bind, client, isProxyItself(client))
    const deciding = deps.authorize(attempt)
    const place = floor.placeOf(attempt, deciding, arrivedAt)
    const refuse = (reason: Reason): void => {
      const status = statusOf(reason)
      const answer = (): void => {
        leave()
        refuseBind(socket, bind, status, closeMs)
      }
      if (status === statuses.ESME_RBINDFAIL) floor.release(place, answer)
      else answer()
    }
    const decision = await deciding
    const fail = (reason: Reason): void => {
      deps.recordFailure(attempt, decision.user, reason)
      refuse(reason)
    }
    if (decision.effect !== 'permit') refuse(decision.reason)
    else if ('fault' in bind) throw new Error('a bind that cannot be read was permitted')
    else if (deps.isDraining()) fail('unavailable')
    else
      await deps
        .admit({ socket, request: bind, attempt, decision }, leave, fail)
        .catch((error: unknown) => {
          deps.logFailure(error)
          fail('unavailable')
        })
  }

  return (socket, client, arrival) => {
    const { acceptedAt } = arrival
    readFirstPdu(socket, { ...deps, acceptedAt }, (first) => {
      if (typeof first === 'string') {
        if (!arrival.isProxyItself(client)) deps.wasted(client)
        return
      }
      arrival.read()
      onBind(socket, first, client, arrival).catch((error: unknown) => {
        deps.logFailure(error)
        refuseBind(socket, first, statuses.ESME_RSYSERR, closeMs)
      })
    })
  }
}
