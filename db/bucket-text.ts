import { isForgettable, rememberMs, type BucketState } from '../policies/bucket.ts'
import type { Channel } from '../policies/facts.ts'
import { leaseMs } from '../policies/guess.ts'
import { RedisFailure } from './redis-failures.ts'

const version = 1

/** A bucket as it stands in Redis: the same state is always the same text. Empty: no bucket. */
export const writeBucket = (state: BucketState, now: number): string =>
  isForgettable(state, now)
    ? ''
    : JSON.stringify([
        version,
        state.distinct,
        state.previous,
        state.windowEndsAt,
        state.pending.map((it) => [it.holder, it.fingerprint, it.leaseEndsAt]),
        state.lockedAt,
        // JSON knows no infinity.
        state.lockedUntil === Infinity ? null : state.lockedUntil,
        state.locks,
        state.consecutive,
        state.failedAt,
        state.channels,
        state.sources,
      ])

type Written = readonly [
  typeof version,
  readonly string[],
  readonly string[],
  number,
  readonly (readonly [string, string, number])[],
  number,
  number | null,
  number,
  number,
  number,
  readonly Channel[],
  readonly string[],
]

const isWritten = (value: unknown): value is Written =>
  Array.isArray(value) && value.length === 12 && value[0] === version

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Throws on what another version wrote: to take it for empty would forget what was counted. */
export const readBucket = (text: string): BucketState => {
  const written = parse(text)
  if (!isWritten(written)) throw new RedisFailure('holds counters of another version')
  const [, distinct, previous, windowEndsAt, pending, lockedAt, lockedUntil, ...rest] = written
  const [locks, consecutive, failedAt, channels, sources] = rest
  return {
    ...{ distinct, previous, windowEndsAt, lockedAt, locks, consecutive, failedAt },
    pending: pending.map(([holder, fingerprint, leaseEndsAt]) => ({
      holder,
      fingerprint,
      leaseEndsAt,
    })),
    lockedUntil: lockedUntil ?? Infinity,
    channels,
    sources,
  }
}

/** A lock without an end is written in the database; here it is put back when it is read there. */
const endlessMs = 365 * 86_400_000

/** How long Redis keeps a bucket: as long as anything in it may matter, and never for ever. */
export const keptMs = ({ lockedUntil, failedAt }: BucketState, now: number): number => {
  const lock = lockedUntil === Infinity ? endlessMs : lockedUntil - now
  return Math.ceil(Math.max(lock, failedAt + rememberMs - now, leaseMs))
}
