import { settle, type BucketState } from '../policies/bucket.ts'
import { giveBack } from '../policies/guess.ts'
import type { Deed, Journal } from './attempts-journal.ts'
import type { KnownBuckets } from './attempts-known.ts'
import { idOf, type Asked } from './attempts-queue.ts'
import { rulesAlone, secretsIn } from './attempts-share.ts'
import type { Place } from './attempts-steps.ts'
import type { RedisClock } from './redis-clock.ts'

export type AloneOptions = {
  readonly known: KnownBuckets
  readonly journal: Journal
  readonly clock: RedisClock
  /** The last known number of nodes. */
  readonly nodes: () => number
  readonly users: number
}

/** Decides by what this process knows, within its share, while Redis cannot be asked. */
export type Alone = {
  readonly decide: (place: Place, batch: readonly Asked[]) => void
  /** Redis has heard of all that was decided here. */
  readonly told: (place: Place) => void
  readonly toldUsers: (isTold: (userKey: string) => boolean) => void
}

const asIs = <Rules>(rules: Rules): Rules => rules

const deedOf = ({ judge, holder, ends }: Asked, place: Place, at: number, after: BucketState) =>
  ({
    at,
    holder,
    // A success that lapsed clears nothing.
    ended: ends === 'cleared' && after.consecutive > 0 ? undefined : ends,
    apply: (state, then) =>
      // Told late, a success clears nothing that others counted since.
      ends === 'cleared' && state.failedAt >= then
        ? giveBack(state, holder ?? '', then)
        : (judge(state, { now: then, bucket: place.bucket, rulesFor: asIs }) ?? state),
  }) satisfies Deed

const nothing: ReadonlySet<string> = new Set()

export const createAlone = ({ known, journal, clock, nodes, users }: AloneOptions): Alone => {
  /** What held places in a bucket when Redis was lost. */
  const seeds = new Map<string, ReadonlySet<string>>()
  /** Some were let go: who has none may have used up its share already. */
  let isPartial = false

  const seedOf = (place: Place, state: BucketState): ReadonlySet<string> => {
    const id = idOf(place)
    const seed = seeds.get(id) ?? (isPartial ? nothing : secretsIn(state))
    seeds.set(id, seed)
    const [oldest] = seeds.keys()
    if (seeds.size > users && oldest !== undefined) isPartial = seeds.delete(oldest)
    return seed
  }

  const decideOne = (place: Place, asked: Asked): void => {
    const now = clock.steady()
    const before = settle(known.find(place), now)
    const seed = seedOf(place, before)
    const after = asked.judge(before, {
      now,
      bucket: place.bucket,
      rulesFor: (rules) => rulesAlone(rules, before, seed, nodes()),
    })
    if (after !== undefined) {
      known.put(place, after)
      journal.add(place, deedOf(asked, place, now, after))
    }
    asked.answer()
  }

  return {
    decide: (place, batch) => {
      for (const asked of batch) {
        try {
          const bucket = asked.mayMove === true ? known.nameOf(place) : place.bucket
          decideOne({ ...place, bucket }, asked)
        } catch (error) {
          asked.reject(error)
        }
      }
    },
    told: (place) => {
      seeds.delete(idOf(place))
    },
    toldUsers: (isTold) => {
      for (const id of seeds.keys()) if (isTold(id.split(' ')[0] ?? '')) seeds.delete(id)
      if (seeds.size === 0) isPartial = false
    },
  }
}
