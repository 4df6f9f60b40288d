import type { Socket } from 'node:net'
import type { BindEntry } from '../../db/bind-groups.ts'
import type { BindLog } from '../../db/binds.ts'
import type { User } from '../../policies/facts.ts'
import type { Reason } from '../../policies/reasons.ts'
import type { Resident } from '../directory.ts'
import { closeCounts, openCounts, type BindCounts } from './bind-counts.ts'
import { spellBindRequest } from './bind-request.ts'
import { watchClient } from './client-watch.ts'
import type { Admit, Visit } from './door.ts'
import { createEntrant, type Entrant, type EntrantDeps } from './entrant.ts'
import { createRelay, type RelayOptions } from './relay.ts'
import type { Slots } from './slots.ts'
import type { UpstreamBinds } from './upstream-bind.ts'

export type AdmissionDeps = EntrantDeps & {
  readonly slots: Slots
  readonly upstreamBinds: UpstreamBinds
  /** The user as of now; undefined when there is no such user any more. */
  readonly residentOf: (user: User) => Promise<Resident | undefined>
  readonly relay: Pick<RelayOptions, 'limits' | 'timers' | 'endTimes' | 'ticker' | 'elapsed'>
  readonly counts: BindCounts
  readonly log: Pick<BindLog, 'permitted' | 'ended'>
}

/** Takes a place for it, or says why it may not have one. */
const takePlace = async (
  { residentOf, slots, bindLimits }: AdmissionDeps,
  entrant: Entrant,
): Promise<Reason | undefined> => {
  const { user, standing, object } = entrant
  const resident = await residentOf(user)
  if (resident !== undefined) standing.prove(resident)
  // What changed since the decision was no news to a bind that was not live yet.
  const verdict = await object.judge(resident)
  if (verdict.effect !== 'permit') return verdict.reason
  if (resident === undefined) return 'user-unknown'
  const slot = await slots.take(resident.userKey, resident.smppLimits.binds)
  if (slot === undefined) return 'bind-limit-reached'
  entrant.slot = slot
  entrant.leave = bindLimits.enter(entrant, resident)
  // The limit may have been lowered while the place was taken.
  const still = await object.judge(await residentOf(user))
  return still.effect === 'permit' ? entrant.endedFor : still.reason
}

const entryOf = (user: User, { attempt, decision }: Visit): BindEntry => ({
  user,
  client: attempt.client,
  target: attempt.target,
  decisionId: decision.id,
})

/** The two sockets are joined; it stands from now on, and how it arrived matters no more. */
const joinLegs = (
  deps: AdmissionDeps,
  entrant: Entrant,
  { visit, upstream }: { readonly visit: Visit; readonly upstream: Socket },
): void => {
  const { user, budget, slot, letGo } = entrant
  const bind = entryOf(user, visit)
  const passed = openCounts(deps.counts)
  entrant.arrival = undefined
  entrant.relay = createRelay({
    ...deps.relay,
    counts: passed,
    client: visit.socket,
    upstream,
    type: visit.request.type,
    mayPass: budget.mayPass,
    onEnd: (end) => {
      closeCounts(deps.counts, passed)
      deps.log.ended(bind, { end, reason: entrant.endedFor, ...passed })
      letGo()
    },
  })
  slot?.occupy(entrant.relay)
  deps.log.permitted(bind)
}

/** It never stood, but its SMSC was asked with the user's credentials. */
const recordGivenUp = ({ log }: AdmissionDeps, entrant: Entrant, visit: Visit): void => {
  const bind = entryOf(entrant.user, visit)
  const nothing = { fromClient: 0, fromUpstream: 0 }
  log.permitted(bind)
  log.ended(bind, { end: 'given-up', reason: entrant.endedFor, ...nothing })
}

/** Binds upstream, relays the answer, and joins the two sockets; settled when that has an outcome. */
const bindUpstream = (
  deps: AdmissionDeps,
  entrant: Entrant,
  visit: Visit,
  bound: () => void,
): Promise<void> =>
  new Promise((settle) => {
    const { user, letGo, fail } = entrant
    const { socket, request } = visit
    const unwatch = watchClient(socket, () => {
      letGo()
      socket.destroy()
    })
    const giveUp = deps.upstreamBinds.bind(spellBindRequest(request, user.username), (result) => {
      entrant.stop = undefined
      unwatch()
      settle()
      if ('reason' in result) {
        fail(result.reason)
        return
      }
      bound()
      socket.write(result.response)
      joinLegs(deps, entrant, { visit, upstream: result.socket })
    })
    entrant.stop = (over) => {
      unwatch()
      giveUp((wasSent) => {
        if (wasSent) recordGivenUp(deps, entrant, visit)
        over()
      })
      settle()
    }
  })

export const createAdmit =
  (deps: AdmissionDeps): Admit =>
  async (visit, bound, refuse) => {
    const { user } = visit.decision
    if (user === undefined) throw new Error('a permit without a user')
    const entrant = createEntrant(deps, visit, user, refuse)
    // It is live before it waits for anything, so that no change of rights can pass it by.
    deps.live.add(entrant.object)
    deps.counts.binding += 1
    try {
      const reason = await takePlace(deps, entrant)
      if (reason !== undefined) entrant.fail(reason)
      else if (visit.socket.destroyed) entrant.letGo()
      else await bindUpstream(deps, entrant, visit, bound)
    } catch (error) {
      entrant.letGo()
      throw error
    } finally {
      deps.counts.binding -= 1
    }
  }
