import { createEmbeddedBindLeases, type BindLeases } from '../../db/bind-leases.ts'
import { createSharedBindLeases } from '../../db/bind-leases-nodes.ts'
import type { Core } from '../core.ts'
import { createFailureLog } from '../log.ts'
import type { SmppUpstream } from '../upstream-urls.ts'
import { createAdmit } from './admission.ts'
import { createBindLimits } from './bind-limits.ts'
import { createDoor, type Admit, type Door } from './door.ts'
import { createMessageBudgets } from './message-budget.ts'
import { createRemoteSlots } from './remote-slots.ts'
import { createSlots } from './slots.ts'
import { createTicker, type Ticker } from './ticker.ts'
import { createUpstreamBinds, type UpstreamBinds } from './upstream-bind.ts'
import type { Waste } from './waste.ts'

const TICK_MS = 250
const DOWN_MS = 2_000

const wireUpstreams = (
  { settings, system, log }: Core,
  upstreams: readonly SmppUpstream[],
): UpstreamBinds => {
  const [first, ...others] = upstreams.map(({ tls, ...upstream }) => ({
    ...upstream,
    tls: tls ? {} : undefined,
  }))
  if (first === undefined) throw new Error('there is no SMSC to bind to')
  return createUpstreamBinds({
    upstreams: [first, ...others],
    deadlineMs: settings.smppLimits.upstreamBindMs,
    downMs: DOWN_MS,
    closeMs: settings.smppLimits.end.closeMs,
    elapsed: system.elapsed,
    onFailure: ({ host, port }, { reason, detail }) => {
      log.warn({ upstream: `${host}:${port}`, reason, detail }, 'a bind upstream failed')
    },
  })
}

const wireLeases = ({ settings, system, shared, liveNodes }: Core): BindLeases => {
  const { elapsed } = system
  const { leaseMs } = settings.smppLimits
  return shared === undefined
    ? createEmbeddedBindLeases(elapsed, leaseMs)
    : createSharedBindLeases({ redis: shared.redis, elapsed, leaseMs, liveNodes })
}

const wireAdmit = (core: Core, upstreams: readonly SmppUpstream[], ticker: Ticker): Admit => {
  const { settings, system, database, directory, live, metrics } = core
  const { relay, timers, end, probeMs, leaseMs } = settings.smppLimits
  const { elapsed } = system
  const logFailure = createFailureLog(core.log, 'a bind failed')
  const leases = wireLeases(core)
  const others = core.shared && createRemoteSlots(core.shared.broadcast, probeMs)
  return createAdmit({
    judge: core.judge,
    live,
    slots: createSlots({ leases, others, newId: database.newId, logFailure, leaseMs, probeMs }),
    bindLimits: createBindLimits(leases),
    upstreamBinds: wireUpstreams(core, upstreams),
    residentOf: ({ id }) => directory.findById(id),
    budgets: createMessageBudgets(settings.caches.users, elapsed),
    now: system.now,
    relay: { limits: relay, timers, endTimes: end, ticker, elapsed },
    counts: metrics.smpp,
    log: core.binds,
  })
}

/** The door and all that is behind it, made of the core; lets nobody in while draining. */
export const createWiredDoor = (
  core: Core,
  upstreams: readonly SmppUpstream[],
  isDraining: () => boolean,
  wasted: Waste,
): Door => {
  const { settings, system } = core
  const { end, timers } = settings.smppLimits
  const logFailure = createFailureLog(core.log, 'a bind failed')
  const ticker = createTicker(system.elapsed, TICK_MS)
  return createDoor({
    authorize: core.authorize,
    admit: wireAdmit(core, upstreams, ticker),
    recordFailure: core.recorder.recordFailure,
    isDraining,
    wasted,
    floor: core.floor,
    elapsed: system.elapsed,
    closeMs: end.closeMs,
    timers,
    ticker,
    logFailure,
  })
}
