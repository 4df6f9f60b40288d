import { GENERIC_NACK, headerOnly, PDU_OCTETS, statuses } from './constants.ts'
import type { Ending } from './ending.ts'
import { createFramer } from './frame.ts'
import { ignoreError } from './hang-up.ts'
import { holds, type Leg } from './leg.ts'
import { createPassing } from './passing.ts'

/** PDUs that went on, of all relays together. */
export type PduCounts = { fromClient: number; fromUpstream: number }

export type ReadingOptions = {
  readonly ending: Ending
  /** Requests of one leg that may be unanswered; then it is not read from. */
  readonly unanswered: number
  readonly elapsed: () => number
  readonly counts: PduCounts
  readonly mayPass: (() => boolean) | undefined
  /** Something came from this leg. */
  readonly onHeard: (leg: Leg) => void
}

/** Stops and starts reading from both legs as the budgets say. */
export const balance = (leg: Leg, other: Leg, unanswered: number): void => {
  if (other.isFull()) leg.hold(holds.peerIsFull)
  if (leg.asked.size() >= unanswered) leg.hold(holds.unanswered)
  else leg.release(holds.unanswered)
  if (other.asked.size() < unanswered) other.release(holds.unanswered)
}

/** Passes on to `other` what comes from `leg`, until it is lost. */
export const readLeg = (leg: Leg, other: Leg, options: ReadingOptions): void => {
  const { socket, times, side } = leg
  const { ending, elapsed, counts } = options
  const count = side === 'client' ? 'fromClient' : 'fromUpstream'

  const passes = createPassing(leg, {
    unbind: () => {
      ending.leave(leg)
    },
    unbound: (status) => {
      ending.left(leg, status)
    },
    done: () => {
      ending.done(leg)
    },
    mayPass: options.mayPass,
  })
  const run = (bytes: Buffer, frames: number): void => {
    counts[count] += frames
    other.write(bytes)
  }
  const framer = createFramer(PDU_OCTETS, { passes, run })

  const keepTimes = (now: number, framesBefore: number): void => {
    times.heardAt = now
    if (framer.held() === 0) times.partialSince = undefined
    else if (leg.frames !== framesBefore) times.partialSince = now
    else times.partialSince ??= now
    if (leg.worked) times.workedAt = now
    leg.worked = false
  }

  const onData = (chunk: Buffer): void => {
    if (ending.isLost(leg)) return
    const framesBefore = leg.frames
    const fault = framer.push(chunk)
    keepTimes(elapsed(), framesBefore)
    if (fault !== undefined) {
      leg.write(headerOnly(GENERIC_NACK, statuses.ESME_RINVCMDLEN, 0))
      ending.lose(leg, `${side}-fault`)
    }
    options.onHeard(leg)
    balance(leg, other, options.unanswered)
    // Our own answers to a peer that does not read them.
    if (leg.answered && leg.isFull()) leg.hold(holds.isFull)
    leg.answered = false
    ending.proceed()
  }
  const onDrain = (): void => {
    leg.release(holds.isFull)
    other.release(holds.peerIsFull)
  }
  const onLost = (): void => {
    ending.lose(leg, `${side}-closed`)
  }
  if (socket.listenerCount('error') === 0) socket.on('error', ignoreError)
  socket.on('data', onData).on('drain', onDrain).on('end', onLost).on('close', onLost)
}
