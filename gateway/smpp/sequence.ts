import { GENERIC_NACK, responseTo } from './constants.ts'
import type { Unanswered } from './unanswered.ts'

/**
 * Our own requests take their numbers from here up to 0x7FFFFFFF, the greatest that SMPP 3.4 §3.2
 * allows and the last that a client counting from 1 comes to.
 */
export const FIRST_OWN = 0x7fff_ff00

const OWN_NUMBERS = 0x100

/** What we ourselves asked one peer and wait to hear of. */
export type OwnRequests = {
  /** Takes a number for a request that is about to be sent; undefined when all are in use. */
  readonly take: (commandId: number) => number | undefined
  /** The command that a response of the peer answers, if we asked; it is then asked no more. */
  readonly settle: (responseId: number, sequence: number) => number | undefined
}

/** `relayed` are the requests from the other side that the same peer has yet to answer. */
export const createOwnRequests = (relayed: Unanswered): OwnRequests => {
  /** Made at the first request: of most binds nothing is asked for long. */
  let asked: Map<number, number> | undefined
  let next = 0
  return {
    take: (commandId) => {
      for (let tries = 0; tries < OWN_NUMBERS; tries++) {
        const sequence = FIRST_OWN + next
        next = (next + 1) % OWN_NUMBERS
        if (asked?.has(sequence) === true || relayed.has(sequence)) continue
        asked ??= new Map()
        asked.set(sequence, commandId)
        return sequence
      }
      return undefined
    },
    settle: (responseId, sequence) => {
      const commandId = asked?.get(sequence)
      if (commandId === undefined) return undefined
      // A nack that could be meant for the client's request of that number is the client's.
      const isOurs =
        responseId === responseTo(commandId) ||
        (responseId === GENERIC_NACK && !relayed.has(sequence))
      if (!isOurs) return undefined
      asked?.delete(sequence)
      if (asked?.size === 0) asked = undefined
      return commandId
    },
  }
}
