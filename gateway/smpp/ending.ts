import type { BindType } from './bind-request.ts'
import { commands, headerOnly, responseTo, statuses } from './constants.ts'
import { holds, type Leg } from './leg.ts'
import { boundRules, endingRules, type Side } from './states.ts'

/** Why a relay ended: at our wish, or by which side and how. */
export type RelayEnd =
  | 'ended'
  | 'inactive'
  | `${Side}-${'unbound' | 'closed' | 'fault' | 'stalled' | 'incomplete' | 'silent'}`

/** How long each step of an end may take, in ms. */
export type EndTimes = {
  /** For responses to what is in flight. */
  readonly graceMs: number
  /** For the answer to an unbind, ours or theirs. */
  readonly unbindMs: number
  /** For the peer to close after all was said. */
  readonly closeMs: number
}

export type EndingOptions = {
  readonly client: Leg
  readonly upstream: Leg
  readonly type: BindType
  readonly times: EndTimes
  /** Once, when both sockets are closed. */
  readonly onEnd: (end: RelayEnd) => void
}

/** The last part of a relay's life, in steps that each have a deadline. */
export type Ending = {
  /** We end it: requests stop now, responses may flow for a grace, then both legs are unbound. */
  readonly begin: (why: RelayEnd) => void
  /** That leg is of no more use: what it owes is answered with RSYSERR, and the other unbound. */
  readonly lose: (leg: Leg, why: RelayEnd) => void
  readonly isLost: (leg: Leg) => boolean
  /** That peer's unbind is being passed on. */
  readonly leave: (leg: Leg) => void
  /** That peer's answer to an unbind is being passed on. */
  readonly left: (leg: Leg, status: number) => void
  /** That peer is unbound from us. */
  readonly done: (leg: Leg) => void
  /** To be called when all that was read has been passed on: takes the next step if it can. */
  readonly proceed: () => void
}

/** Answers what `leg` waits for and can no longer get: its unbind as it wished, else RSYSERR. */
const answerAsked = (leg: Leg): void => {
  const answers: Buffer[] = []
  leg.asked.drain((sequence, commandId) => {
    if (commandId === commands.unbind)
      answers.push(headerOnly(responseTo(commandId), statuses.ESME_ROK, sequence))
    // An SMSC keeps what its ESME never answered; an error might make it give up.
    else if (leg.side === 'client')
      answers.push(headerOnly(responseTo(commandId), statuses.ESME_RSYSERR, sequence))
  })
  if (answers.length > 0) leg.write(Buffer.concat(answers))
}

/** `unbinding`: our unbind is out. `leaving`: theirs is. `closing`: nothing is left to be said. */
type Step = 'open' | 'leaving' | 'grace' | 'unbinding' | 'closing' | 'closed'

export const createEnding = ({ client, upstream, type, times, onEnd }: EndingOptions): Ending => {
  const legs = [client, upstream]
  const lost: Record<Side, boolean> = { client: false, upstream: false }
  /** Legs to which nothing more is said. */
  const finished: Record<Side, boolean> = { client: false, upstream: false }
  let step: Step = 'open'
  let end: RelayEnd = 'ended'
  let leaver: Leg | undefined
  let deadline: NodeJS.Timeout | undefined
  let openSockets = legs.filter(({ socket }) => !socket.closed).length

  const destroy = (): void => {
    for (const { socket } of legs) socket.destroy()
  }
  const take = (next: Step, ms: number, then: () => void): void => {
    step = next
    clearTimeout(deadline)
    deadline = setTimeout(then, ms)
  }
  const refuseRequests = (leg: Leg): void => {
    leg.rules = endingRules(leg.side, type)
    leg.release(holds.unanswered)
  }
  const hangUp = (leg: Leg): void => {
    finished[leg.side] = true
    leg.socket.end()
    for (const why of Object.values(holds)) leg.release(why)
  }

  const unbind = (): void => {
    take('unbinding', times.unbindMs, destroy)
    legs.forEach(refuseRequests)
    for (const leg of legs) {
      if (finished[leg.side]) continue
      const sequence = leg.own.take(commands.unbind)
      if (sequence === undefined) leg.socket.destroy()
      else leg.write(headerOnly(commands.unbind, statuses.ESME_ROK, sequence))
    }
  }

  const proceed = (): void => {
    if (step === 'open' || step === 'closing' || step === 'closed') return
    const isQuiet = legs.every(({ asked }) => asked.size() === 0)
    if (step === 'grace' && (isQuiet || finished.client || finished.upstream)) unbind()
    for (const leg of legs) if (finished[leg.side]) hangUp(leg)
    if (!finished.client || !finished.upstream) return
    take('closing', times.closeMs, destroy)
  }

  const onClose = (): void => {
    openSockets -= 1
    if (openSockets > 0) return
    step = 'closed'
    clearTimeout(deadline)
    onEnd(end)
  }
  for (const { socket } of legs) socket.on('close', onClose)

  return {
    begin: (why) => {
      if (step !== 'open' && step !== 'leaving') return
      legs.forEach(refuseRequests)
      if (step === 'leaving') return
      end = why
      take('grace', times.graceMs, unbind)
      proceed()
    },
    lose: (leg, why) => {
      if (lost[leg.side] || step === 'closed') return
      lost[leg.side] = true
      if (step === 'closing') return
      const other = leg === client ? upstream : client
      if (step === 'open') end = why
      hangUp(leg)
      setTimeout(() => leg.socket.destroy(), times.closeMs).unref()
      answerAsked(other)
      other.release(holds.peerIsFull)
      if (step === 'leaving' && leaver === other) finished[other.side] = true
      else if (step === 'open' || step === 'grace') unbind()
      proceed()
      if (openSockets === 0) onClose()
    },
    isLost: (leg) => lost[leg.side],
    leave: (leg) => {
      if (step !== 'open') return
      end = `${leg.side}-unbound`
      leaver = leg
      refuseRequests(leg)
      take('leaving', times.unbindMs, destroy)
    },
    left: (leg, status) => {
      if (step !== 'leaving' || leaver === leg || leaver === undefined) return
      if (status === statuses.ESME_ROK) {
        for (const each of legs) finished[each.side] = true
        return
      }
      clearTimeout(deadline)
      step = 'open'
      leaver.rules = boundRules(leaver.side, type)
    },
    done: (leg) => {
      finished[leg.side] = true
    },
    proceed,
  }
}
