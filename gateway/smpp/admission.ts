import type { User } from '../../policies/facts.ts'
import type { Attempt } from '../../policies/ports.ts'
import type { Reason } from '../../policies/reasons.ts'
import type { Resident } from '../directory.ts'
import type { Judge } from '../judge.ts'
import type { Live, LiveObject } from '../live.ts'
import { spellBindRequest } from './bind-request.ts'
import type { Admit, Visit } from './door.ts'
import type { MessageBudget, MessageBudgets } from './message-budget.ts'
import { createRelay, type Relay, type RelayOptions } from './relay.ts'
import type { Slot, Slots } from './slots.ts'
import { createStanding, type Standing } from './standing.ts'
import type { UpstreamBinds } from './upstream-bind.ts'

export type AdmissionDeps = {
  readonly judge: Judge
  readonly live: Live
  readonly slots: Slots
  readonly upstreamBinds: UpstreamBinds
  /** The user as of now; undefined when there is no such user any more. */
  readonly residentOf: (user: User) => Promise<Resident | undefined>
  readonly budgets: MessageBudgets
  /** In ms since the epoch. */
  readonly now: () => number
  readonly relay: Pick<
    RelayOptions,
    'limits' | 'timers' | 'endTimes' | 'ticker' | 'elapsed' | 'counts'
  >
  /** A bind stands: the user signed in by it. */
  readonly signedIn: (user: User, attempt: Attempt) => void
}

/** A bind on its way in or standing, and what is held for it. */
type Entrant = {
  readonly visit: Visit
  readonly user: User
  readonly object: LiveObject
  readonly standing: Standing
  readonly budget: MessageBudget
  slot?: Slot
  relay?: Relay
  /** Gives up the bind upstream that is under way. */
  stop?: () => void
  endedFor?: Reason
  /** Gives everything back. */
  readonly letGo: () => void
  /** Gives everything back and answers, unless the client is gone. */
  readonly fail: (reason: Reason) => void
}

const createEntrant = (
  { live, budgets, judge, now }: AdmissionDeps,
  visit: Visit,
  user: User,
  refuse: (reason: Reason) => void,
): Entrant => {
  const { socket } = visit
  const standing = createStanding(visit, user, judge, now)
  const budget = budgets.of(user.id)
  const letGo = (): void => {
    socket.off('close', letGo)
    live.delete(object)
    entrant.stop?.()
    entrant.slot?.release()
  }
  const fail = (reason: Reason): void => {
    letGo()
    if (!socket.destroyed) refuse(reason)
  }
  const object: LiveObject = {
    userId: user.id,
    kind: 'bind',
    judge: (resident) => {
      budget.setRate(resident?.smppLimits.submitRate)
      return standing.judge(resident)
    },
    end: (reason) => {
      entrant.endedFor ??= reason
      if (entrant.relay !== undefined) entrant.relay.end()
      else if (entrant.stop !== undefined) fail(reason)
    },
  }
  const entrant: Entrant = { visit, user, object, standing, budget, letGo, fail }
  return entrant
}

/** Takes a place for it, or says why there is none. */
const takeSlot = async (
  { residentOf, slots }: AdmissionDeps,
  { user, standing, object }: Entrant,
): Promise<Slot | Reason> => {
  const resident = await residentOf(user)
  if (resident !== undefined) standing.prove(resident)
  // What changed since the decision was no news to a bind that was not live yet.
  const verdict = await object.judge(resident)
  if (verdict.effect !== 'permit') return verdict.reason
  if (resident === undefined) return 'user-unknown'
  const { userKey, smppLimits } = resident
  return (await slots.take(userKey, smppLimits.binds)) ?? 'bind-limit-reached'
}

/** Binds upstream, relays the answer, and joins the two sockets. */
const bindUpstream = (deps: AdmissionDeps, entrant: Entrant, bound: () => void): void => {
  const { visit, user, budget, slot, letGo, fail } = entrant
  const { socket, request, attempt } = visit
  const spelled = spellBindRequest(request, user.username)
  entrant.stop = deps.upstreamBinds.bind(spelled, (result) => {
    delete entrant.stop
    if ('reason' in result) {
      fail(result.reason)
      return
    }
    socket.off('close', letGo)
    bound()
    socket.write(result.response)
    entrant.relay = createRelay({
      ...deps.relay,
      client: socket,
      upstream: result.socket,
      type: request.type,
      mayPass: budget.mayPass,
      onEnd: letGo,
    })
    slot?.occupy(entrant.relay)
    deps.signedIn(user, attempt)
  })
  socket.once('close', letGo)
}

export const createAdmit =
  (deps: AdmissionDeps): Admit =>
  async (visit, bound, refuse) => {
    const { user } = visit.decision
    if (user === undefined) throw new Error('a permit without a user')
    const entrant = createEntrant(deps, visit, user, refuse)
    // It is live before it waits for anything, so that no change of rights can pass it by.
    deps.live.add(entrant.object)
    try {
      const slot = await takeSlot(deps, entrant)
      if (typeof slot !== 'string') entrant.slot = slot
      const reason = typeof slot === 'string' ? slot : entrant.endedFor
      if (reason !== undefined) entrant.fail(reason)
      else if (visit.socket.destroyed) entrant.letGo()
      else bindUpstream(deps, entrant, bound)
    } catch (error) {
      entrant.letGo()
      throw error
    }
  }
