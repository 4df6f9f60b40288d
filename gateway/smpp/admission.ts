import type { Socket } from 'node:net'
import type { SmppLimits } from '../../db/principals.ts'
import type { User } from '../../policies/facts.ts'
import type { Attempt } from '../../policies/ports.ts'
import type { Reason } from '../../policies/reasons.ts'
import type { Judge } from '../authorize.ts'
import type { Live, LiveObject } from '../live.ts'
import type { Admit, Visit } from './door.ts'
import { createMessageBudget, type MessageBudget } from './message-budget.ts'
import { createRelay, type Relay, type RelayOptions } from './relay.ts'
import type { Slot, Slots } from './slots.ts'
import type { UpstreamBinds } from './upstream-bind.ts'

export type AdmissionDeps = {
  readonly judge: Judge
  readonly live: Live
  readonly slots: Slots
  readonly upstreamBinds: UpstreamBinds
  /** What a user's binds may be; undefined when there is no such user any more. */
  readonly limitsOf: (user: User) => Promise<{ userKey: string; limits: SmppLimits } | undefined>
  readonly relay: Pick<
    RelayOptions,
    'limits' | 'timers' | 'endTimes' | 'ticker' | 'elapsed' | 'counts'
  >
  /** A bind stands: the user signed in by it. */
  readonly signedIn: (user: User, attempt: Attempt) => void
}

type Budget = { readonly mayPass?: MessageBudget }

/** What a live bind holds, and lets go of once. */
type Held = { slot?: Slot; relay?: Relay; giveUp?: () => void; endedFor?: Reason }

const noLimit = {} as const

export const createAdmit = (deps: AdmissionDeps): Admit => {
  const { slots, upstreamBinds, live } = deps

  /** Takes a place, or says why there is none for this bind. */
  const takeSlot = async (user: User, type: string): Promise<Slot | Reason> => {
    const found = await deps.limitsOf(user)
    if (found === undefined) return 'user-unknown'
    const { userKey, limits } = found
    if (limits.bindTypes?.includes(type) === false) return 'permission-missing'
    return (await slots.take(userKey, limits.binds)) ?? 'bind-limit-reached'
  }

  const join = ({ socket, request }: Visit, upstream: Socket, budget: Budget, onEnd: () => void) =>
    createRelay({ ...deps.relay, ...budget, client: socket, upstream, type: request.type, onEnd })

  const budgetOf = async (user: User): Promise<Budget> => {
    const rate = (await deps.limitsOf(user))?.limits.submitRate
    return rate === undefined ? noLimit : { mayPass: createMessageBudget(rate, deps.relay.elapsed) }
  }

  return async (visit, bound, refuse) => {
    const { socket, request, decision, attempt } = visit
    const { user } = decision
    if (user === undefined) throw new Error('a permit without a user')
    const held: Held = {}
    // It is live before it waits for anything, so that no change of rights can pass it by.
    const object: LiveObject = {
      userId: user.id,
      kind: 'bind',
      judge: (now) => deps.judge(attempt, user, now),
      end: (reason) => {
        held.endedFor ??= reason
        if (held.relay === undefined) held.giveUp?.()
        else held.relay.end()
      },
    }
    const letGo = (): void => {
      socket.off('close', abandon)
      live.delete(object)
      held.slot?.release()
    }
    const fail = (reason: Reason): void => {
      letGo()
      refuse(reason)
    }
    const abandon = (): void => {
      held.giveUp?.()
    }
    live.add(object)
    try {
      const slot = await takeSlot(user, request.type)
      if (typeof slot === 'string') {
        fail(slot)
        return
      }
      held.slot = slot
      const budget = await budgetOf(user)
      if (held.endedFor !== undefined || socket.destroyed) {
        fail(held.endedFor ?? 'upstream-unreachable')
        return
      }
      const stop = upstreamBinds.bind(request, (result) => {
        if ('reason' in result) {
          fail(result.reason)
          return
        }
        socket.off('close', abandon)
        bound()
        socket.write(result.response)
        held.relay = join(visit, result.socket, budget, letGo)
        slot.occupy(held.relay)
        deps.signedIn(user, attempt)
      })
      held.giveUp = () => {
        stop()
        fail(held.endedFor ?? 'upstream-unreachable')
      }
      socket.once('close', abandon)
    } catch (error) {
      letGo()
      throw error
    }
  }
}
