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

/** A class, since idle binds are many: functions of its own would cost each leg half a kilobyte. */
class SocketLeg implements Leg {
  readonly side: Side
  readonly socket: Socket
  rules: RuleTable
  readonly asked: Unanswered
  readonly owes: Unanswered
  readonly own: OwnRequests
  frames = 0
  worked = false
  answered = false
  readonly times: Leg['times']
  private readonly budgetOctets: number
  private held = 0
  private sent = -1

  constructor({ side, socket, rules, asked, owes, budgetOctets, now }: LegOptions) {
    this.side = side
    this.socket = socket
    this.rules = rules
    this.asked = asked
    this.owes = owes
    this.own = createOwnRequests(owes)
    this.budgetOctets = budgetOctets
    this.times = {
      openedAt: now,
      boundAt: now,
      heardAt: now,
      workedAt: now,
      partialSince: undefined,
      pendingSince: undefined,
      enquiredAt: undefined,
    }
  }

  isWritable(): boolean {
    return this.socket.writable && !this.socket.destroyed
  }

  write(bytes: Buffer): void {
    if (this.isWritable()) this.socket.write(bytes)
  }

  isFull(): boolean {
    return this.socket.writableLength > this.budgetOctets
  }

  isHeld(): boolean {
    return this.held !== 0
  }

  hold(why: Hold): void {
    if (this.held === 0) this.socket.pause()
    this.held |= why
  }

  release(why: Hold): void {
    if ((this.held & why) === 0) return
    this.held &= ~why
    if (this.held === 0) this.socket.resume()
  }

  observe(now: number): void {
    const { times, socket } = this
    if (this.held !== 0) {
      times.heardAt = now
      if (times.partialSince !== undefined) times.partialSince = now
    }
    const waiting = socket.writableLength
    const gone = socket.bytesWritten - waiting
    if (waiting === 0) times.pendingSince = undefined
    else if (gone !== this.sent || times.pendingSince === undefined) times.pendingSince = now
    this.sent = gone
  }
}

export const createLeg = (options: LegOptions): Leg => new SocketLeg(options)
