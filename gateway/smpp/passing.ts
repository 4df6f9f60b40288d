import { commands, GENERIC_NACK, headerOnly, responseTo, statuses } from './constants.ts'
import type { FrameSink } from './frame.ts'
import type { Leg } from './leg.ts'
import { FIRST_OWN } from './sequence.ts'
import { ruleOf, rules } from './states.ts'

/** What the relay is told of a leg's frames beyond their passing. */
export type PassingEvents = {
  /** An unbind is on its way to the other leg. */
  readonly unbind: () => void
  /** The other leg's unbind was answered. */
  readonly unbound: (status: number) => void
  /** The peer answered our own unbind, or sent one while we are ending: it is done with us. */
  readonly done: () => void
  /** The user's budget: whether one more message may go. */
  readonly mayPass: (() => boolean) | undefined
}

/** Of late requests: an SMSC keeps a message for which the ESME has a temporary fault. */
const lateStatus = { client: statuses.ESME_RSYSERR, upstream: statuses.ESME_RX_T_APPN } as const

/** Decides frame by frame what goes on, and answers what does not. */
export const createPassing = (leg: Leg, events: PassingEvents): FrameSink['passes'] => {
  const { asked, owes, own, side } = leg
  const { mayPass } = events

  const send = (responseId: number, status: number, sequence: number): false => {
    leg.answered = true
    leg.write(headerOnly(responseId, status, sequence >>> 0))
    return false
  }
  const answer = (commandId: number, status: number, sequence: number): false =>
    send(responseTo(commandId), status, sequence)

  const isOwn = (commandId: number, sequence: number): boolean => {
    if (sequence < FIRST_OWN) return false
    const command = own.settle(commandId >>> 0, sequence)
    if (command === commands.unbind) events.done()
    return command !== undefined
  }

  const pass = (sequence: number, commandId: number): true => {
    leg.worked = true
    asked.add(sequence, commandId)
    return true
  }

  const passResponse = (commandId: number, sequence: number): boolean => {
    if (isOwn(commandId, sequence)) return false
    owes.remove(sequence)
    return true
  }

  /** Unknown responses have no answer: a nack of them would be taken for one of the peer's own. */
  const refuse = (rule: number, commandId: number, sequence: number): false => {
    if (commandId < 0) return false
    if (rule === rules.misplaced) return answer(commandId, statuses.ESME_RINVBNDSTS, sequence)
    if (rule === rules.secondBind) return answer(commandId, statuses.ESME_RALYBND, sequence)
    if (rule === rules.late) return answer(commandId, lateStatus[side], sequence)
    if (rule === rules.lateEnquiry) return answer(commandId, statuses.ESME_ROK, sequence)
    return send(GENERIC_NACK, statuses.ESME_RINVCMDID, sequence)
  }

  const passOther = (rule: number, commandId: number, status: number, sequence: number) => {
    switch (rule) {
      case rules.message:
        return answer(commandId, statuses.ESME_RTHROTTLED, sequence)
      case rules.notice:
        leg.worked = true
        return true
      case rules.enquiry:
        asked.add(sequence, commandId)
        return true
      case rules.enquiryResponse:
        return passResponse(commandId, sequence)
      case rules.unbind:
        events.unbind()
        return pass(sequence, commandId)
      case rules.unbindResponse:
        if (!passResponse(commandId, sequence)) return false
        events.unbound(status)
        return true
      case rules.lateUnbind:
        answer(commandId, statuses.ESME_ROK, sequence)
        events.done()
        return false
      default:
        return refuse(rule, commandId, sequence)
    }
  }

  return (commandId, status, sequence) => {
    leg.frames += 1
    const rule = ruleOf(leg.rules, commandId)
    if (rule === rules.response) {
      leg.worked = true
      if (sequence >= FIRST_OWN && isOwn(commandId, sequence)) return false
      owes.remove(sequence)
      return true
    }
    const passes =
      rule === rules.request || (rule === rules.message && (mayPass === undefined || mayPass()))
    return passes ? pass(sequence, commandId) : passOther(rule, commandId, status, sequence)
  }
}
