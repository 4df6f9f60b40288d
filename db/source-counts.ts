import type { Address } from '../policies/address.ts'
import type { Channel } from '../policies/facts.ts'
import type { Reason } from '../policies/reasons.ts'

/** What came of an attempt: being let in, or the reason why not. */
export type Outcome = Reason | 'permitted'

export type Count = {
  readonly userId: string
  readonly channel: Channel
  readonly client: Address
  readonly outcome: Outcome
  firstAt: number
  lastAt: number
  /** Those that are not written yet. */
  count: number
}

export type SourceCounts = {
  /** Counts one attempt; false when there was no room for it. Without allocation when seen before. */
  readonly add: (
    userId: string,
    channel: Channel,
    client: Address,
    outcome: Outcome,
    at: number,
  ) => boolean
  /** What was counted since it was taken last; the caller answers for it from now on. */
  readonly take: (most: number) => readonly Readonly<Count>[]
  readonly unwritten: () => number
  readonly size: () => number
}

/**
 * Counts in memory, about `most` at once. Those that are written are let go first; when too many
 * are not, new refused ones have no room, while permitted ones always have.
 */
export const createSourceCounts = (most: number): SourceCounts => {
  const users = new Map<string, Map<string, Count[]>>()
  const unwritten: Count[] = []
  let size = 0

  const place = (count: Count): void => {
    const ofUser = users.get(count.userId) ?? new Map<string, Count[]>()
    const counts = ofUser.get(count.client.text) ?? []
    counts.push(count)
    ofUser.set(count.client.text, counts)
    users.set(count.userId, ofUser)
    size += 1
  }
  const makeRoom = (): boolean => {
    if (unwritten.length > most / 2) return false
    users.clear()
    size = 0
    for (const count of unwritten) place(count)
    return true
  }
  const find = (
    userId: string,
    channel: Channel,
    client: Address,
    outcome: Outcome,
  ): Count | undefined => {
    const counts = users.get(userId)?.get(client.text)
    if (counts === undefined) return undefined
    for (const count of counts) {
      if (count.outcome === outcome && count.channel === channel) return count
    }
    return undefined
  }

  return {
    add: (userId, channel, client, outcome, at) => {
      const known = find(userId, channel, client, outcome)
      if (known !== undefined) {
        if (known.count === 0) {
          known.firstAt = at
          unwritten.push(known)
        }
        known.count += 1
        known.lastAt = at
        return true
      }
      if (size >= most && !makeRoom() && outcome !== 'permitted') return false
      const count = { userId, channel, client, outcome, firstAt: at, lastAt: at, count: 1 }
      place(count)
      unwritten.push(count)
      return true
    },
    take: (number) =>
      unwritten.splice(0, number).map((from) => {
        const count = { ...from }
        from.count = 0
        return count
      }),
    unwritten: () => unwritten.length,
    size: () => size,
  }
}
