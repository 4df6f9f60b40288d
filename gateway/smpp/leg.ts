import type { Socket } from 'node:net'
import { createOwnRequests, type OwnRequests } from './sequence.ts'
import type { RuleTable, Side } from './states.ts'
import type { Times } from './timers.ts'
import type { Unanswered } from './unanswered.ts'

/** Why a leg is not read from for the moment; several may hold it at once. */
export const holds = {
  /** The other leg's octets wait to be sent. */
  peerIsFull: 1,
  /** Our own answers to this leg wait to be sent. */
  isFull: 2,
  /** It has asked as much as may be unanswered. */
  unanswered: 4,
} as const

export type Hold = (typeof holds)[keyof typeof holds]

/** One of the two sockets of a relay, with what is known of the peer at its end. */
export type Leg = {
  readonly side: Side
  readonly socket: Socket
  /** What may come from here, as long as the relay is in its present state. */
  rules: RuleTable
  /** Requests of this peer's that were passed on and not yet answered. */
  readonly asked: Unanswered
  /** Requests that were passed on to this peer: the other's `asked`. */
  readonly owes: Unanswered
  /** What we ourselves asked this peer. */
  readonly own: OwnRequests
  /** Frames that came from here. */
  frames: number
  /** Something other than an enquire_link or its response came since this was last false. */
  worked: boolean
  /** We answered it ourselves since this was last false. */
  answered: boolean
  /** Kept by whoever reads from the leg. */
  readonly times: { -readonly [Name in keyof Times]: Times[Name] }
  /** Sends, or drops if nothing can be sent any more. */
  readonly write: (bytes: Buffer) => void
  readonly isWritable: () => boolean
  /** More octets wait to be sent than the budget allows. */
  readonly isFull: () => boolean
  /** It is not read from, so nothing can be heard of it. */
  readonly isHeld: () => boolean
  readonly hold: (why: Hold) => void
  readonly release: (why: Hold) => void
  /** Brings the times up to now: what waits to be sent, and that a held leg cannot be heard. */
  readonly observe: (now: number) => void
}

export type LegOptions = {
  readonly side: Side
  readonly socket: Socket
  readonly rules: RuleTable
  readonly asked: Unanswered
  readonly owes: Unanswered
  /** Octets that may wait to be sent; over the stream's own high-water mark. */
  readonly budgetOctets: number
  readonly now: number
}

export const createLeg = (options: LegOptions): Leg => {
  const { side, socket, budgetOctets, asked, owes, now: openedAt } = options
  let held = 0
  let sent = -1
  const times: Leg['times'] = {
    openedAt,
    boundAt: openedAt,
    heardAt: openedAt,
    workedAt: openedAt,
    partialSince: undefined,
    pendingSince: undefined,
    enquiredAt: undefined,
  }
  const isWritable = (): boolean => socket.writable && !socket.destroyed
  return {
    side,
    socket,
    rules: options.rules,
    asked,
    owes,
    own: createOwnRequests(owes),
    frames: 0,
    worked: false,
    answered: false,
    times,
    isWritable,
    write: (bytes) => {
      if (isWritable()) socket.write(bytes)
    },
    isFull: () => socket.writableLength > budgetOctets,
    isHeld: () => held !== 0,
    hold: (why) => {
      if (held === 0) socket.pause()
      held |= why
    },
    release: (why) => {
      if ((held & why) === 0) return
      held &= ~why
      if (held === 0) socket.resume()
    },
    observe: (now) => {
      if (held !== 0) {
        times.heardAt = now
        if (times.partialSince !== undefined) times.partialSince = now
      }
      const waiting = socket.writableLength
      const gone = socket.bytesWritten - waiting
      if (waiting === 0) times.pendingSince = undefined
      else if (gone !== sent || times.pendingSince === undefined) times.pendingSince = now
      sent = gone
    },
  }
}
