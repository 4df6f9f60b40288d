import type { Socket } from 'node:net'
import type { BindType } from './bind-request.ts'
import { commands, headerOnly, statuses } from './constants.ts'
import { createEnding, type Ending, type EndTimes, type RelayEnd } from './ending.ts'
import { createLeg, type Leg } from './leg.ts'
import { balance, readLeg, type PduCounts } from './reading.ts'
import { boundRules } from './states.ts'
import type { Ticker } from './ticker.ts'
import { findOverdue, type Timers } from './timers.ts'
import { createUnanswered } from './unanswered.ts'

export type RelayLimits = {
  /** Octets that may wait to be sent on one leg; at least 64 KiB, the sockets' own mark. */
  readonly budgetOctets: number
  /** Requests of one leg that may be unanswered; then it is not read from. */
  readonly unanswered: number
  /** A request that was not answered for between one and two of these counts no more, in ms. */
  readonly forgetMs: number
}

export type RelayOptions = {
  /** Both bound, both answered, paused or not yet read from; what came since is still in them. */
  readonly client: Socket
  readonly upstream: Socket
  readonly type: BindType
  readonly limits: RelayLimits
  readonly timers: Timers
  readonly endTimes: EndTimes
  readonly ticker: Ticker
  readonly elapsed: () => number
  readonly counts: PduCounts
  /** The user's budget of messages; beyond it RTHROTTLED. */
  readonly mayPass?: () => boolean
  /** Both sockets are closed: whatever was held for this bind can be let go of. */
  readonly onEnd: (end: RelayEnd) => void
}

export type Relay = {
  /** Ends the session on both legs in good order: no requests, then no responses, then unbind. */
  readonly end: () => void
  /** Asks the client whether it is there, and tells within so many ms; held, it counts as there. */
  readonly probe: (withinMs: number, then: (isAlive: boolean) => void) => void
  /** Requests of both sides that were passed on and not yet answered. */
  readonly unanswered: () => number
}

const overdueEnds = {
  'session-init-timeout': 'silent',
  'pdu-timeout': 'incomplete',
  'write-stall': 'stalled',
  'response-timeout': 'silent',
} as const

const createLegs = (options: RelayOptions): { client: Leg; upstream: Leg } => {
  const [fromClient, fromUpstream] = [createUnanswered(), createUnanswered()]
  const shared = { budgetOctets: options.limits.budgetOctets, now: options.elapsed() }
  return {
    client: createLeg({
      ...shared,
      side: 'client',
      socket: options.client,
      rules: boundRules('client', options.type),
      asked: fromClient,
      owes: fromUpstream,
    }),
    upstream: createLeg({
      ...shared,
      side: 'upstream',
      socket: options.upstream,
      rules: boundRules('upstream', options.type),
      asked: fromUpstream,
      owes: fromClient,
    }),
  }
}

const enquire = (leg: Leg, now: number): void => {
  const sequence = leg.own.take(commands.enquire_link)
  if (sequence === undefined) return
  leg.times.enquiredAt = now
  leg.write(headerOnly(commands.enquire_link, statuses.ESME_ROK, sequence))
}

/** Does what is due on a leg at that time. */
const look = (leg: Leg, ending: Ending, timers: Timers, now: number): void => {
  leg.observe(now)
  const overdue = findOverdue(leg.times, timers, now)
  if (overdue === undefined || ending.isLost(leg)) return
  if (overdue === 'enquire-link') enquire(leg, now)
  else if (overdue === 'inactivity-timeout') ending.begin('inactive')
  else ending.lose(leg, `${leg.side}-${overdueEnds[overdue]}`)
}

/** Joins two bound sockets: whole frames go both ways as they are, until either side is done. */
export const createRelay = (options: RelayOptions): Relay => {
  const { limits, timers, elapsed } = options
  const { client, upstream } = createLegs(options)
  /** Made at the first probe. */
  let probes: Set<() => void> | undefined
  let agedAt = elapsed()

  const ending = createEnding({
    client,
    upstream,
    type: options.type,
    times: options.endTimes,
    onEnd: (end) => {
      stopTicking()
      options.onEnd(end)
    },
  })
  const stopTicking = options.ticker.add((now) => {
    look(client, ending, timers, now)
    look(upstream, ending, timers, now)
    if (now - agedAt < limits.forgetMs) return
    agedAt = now
    client.asked.age()
    upstream.asked.age()
    balance(client, upstream, limits.unanswered)
  })
  const reading = {
    ending,
    unanswered: limits.unanswered,
    elapsed,
    counts: options.counts,
    onHeard: (leg: Leg) => {
      if (leg === client) for (const heard of probes ?? []) heard()
    },
  }
  readLeg(client, upstream, { ...reading, mayPass: options.mayPass })
  readLeg(upstream, client, { ...reading, mayPass: undefined })
  for (const leg of [client, upstream])
    if (leg.socket.closed) setImmediate(ending.lose, leg, `${leg.side}-closed`)
    else leg.socket.resume()

  return {
    end: () => {
      ending.begin('ended')
    },
    probe: (withinMs, then) => {
      if (ending.isLost(client)) {
        then(false)
        return
      }
      const waiting = (probes ??= new Set())
      const settle = (isAlive: boolean): void => {
        clearTimeout(timer)
        waiting.delete(heard)
        then(isAlive)
      }
      const heard = (): void => {
        settle(true)
      }
      // A process that stood still has not yet read what came in time: that is looked at first.
      const timer = setTimeout(() => {
        setImmediate(() => {
          if (waiting.has(heard)) settle(client.isHeld())
        })
      }, withinMs)
      waiting.add(heard)
      enquire(client, elapsed())
    },
    unanswered: () => client.asked.size() + upstream.asked.size(),
  }
}
