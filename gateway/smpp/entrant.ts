import { refuse, type Verdict } from '../../policies/decision.ts'
import type { User } from '../../policies/facts.ts'
import type { Reason } from '../../policies/reasons.ts'
import type { Judge } from '../judge.ts'
import type { Live, LiveObject } from '../live.ts'
import type { BindLimits, Placed } from './bind-limits.ts'
import type { Visit } from './door.ts'
import type { MessageBudget, MessageBudgets } from './message-budget.ts'
import type { Relay } from './relay.ts'
import type { Slot } from './slots.ts'
import { createStanding, type Standing } from './standing.ts'

export type EntrantDeps = {
  readonly judge: Judge
  readonly live: Live
  readonly bindLimits: BindLimits
  readonly budgets: MessageBudgets
  /** In ms since the epoch. */
  readonly now: () => number
}

/** A bind on its way in or standing, and what is held for it. */
export type Entrant = Placed & {
  /** How it came and what answers it: let go of once it stands, since that may be for months. */
  arrival: { readonly visit: Visit; readonly refuse: (reason: Reason) => void } | undefined
  readonly user: User
  readonly object: LiveObject
  readonly standing: Standing
  readonly budget: MessageBudget
  slot?: Slot | undefined
  /** Takes it out of those whose place a lower limit may take away. */
  leave?: () => void
  relay?: Relay
  /** Gives up the bind upstream that is under way; told when the SMSC holds nothing of it. */
  stop?: ((over: () => void) => void) | undefined
  endedFor?: Reason
  /** Gives everything back, the place once its SMSC has let go of it. */
  readonly letGo: () => void
  /** Gives everything back and answers, unless the client is gone. */
  readonly fail: (reason: Reason) => void
}

/** Judges it whenever asked, and can end it in each of its states. */
export const createEntrant = (
  { live, budgets, bindLimits, judge, now }: EntrantDeps,
  visit: Visit,
  user: User,
  refuseBind: (reason: Reason) => void,
): Entrant => {
  const standing = createStanding(visit, user, judge, now)
  const budget = budgets.of(user.id)
  const letGo = (): void => {
    const { stop, slot } = entrant
    entrant.stop = undefined
    entrant.slot = undefined
    entrant.leave?.()
    // Live as long as its SMSC has it: a stop waits for that.
    const release = (): void => {
      live.delete(object)
      slot?.release()
    }
    if (stop === undefined) release()
    else stop(release)
  }
  const fail = (reason: Reason): void => {
    const { arrival } = entrant
    letGo()
    if (arrival?.visit.socket.destroyed === false) arrival.refuse(reason)
  }
  const judgeNow: LiveObject['judge'] = (resident) => {
    budget.setRate(resident?.smppLimits.submitRate)
    const verdict = standing.judge(resident)
    if (resident === undefined || verdict.effect !== 'permit') return verdict
    const isBeyond = bindLimits.isBeyond(entrant, resident)
    const unless = (beyond: boolean): Verdict => (beyond ? refuse('bind-limit-reached') : verdict)
    return typeof isBeyond === 'boolean' ? unless(isBeyond) : isBeyond.then(unless)
  }
  const object: LiveObject = {
    id: visit.decision.id,
    userId: user.id,
    accountId: user.accountId,
    target: visit.attempt.target,
    source: visit.attempt.client?.text,
    since: now(),
    kind: 'bind',
    judge: judgeNow,
    end: (reason) => {
      entrant.endedFor ??= reason
      if (entrant.relay !== undefined) entrant.relay.end()
      else if (entrant.stop !== undefined) fail(reason)
    },
  }
  const isEnding = (): boolean => entrant.endedFor !== undefined
  const arrival = { visit, refuse: refuseBind }
  const entrant: Entrant = { arrival, user, object, standing, budget, isEnding, letGo, fail }
  return entrant
}
