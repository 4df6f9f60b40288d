import type { Address } from '../policies/address.ts'
import type { NewEvent } from './events.ts'
import type { Row } from './refusal-groups.ts'

/** A bind as it was permitted. */
export type BindEntry = {
  readonly user: { readonly id: string; readonly accountId: string; readonly username: string }
  readonly client: Address | undefined
  /** Its type: `bind_transceiver`, … */
  readonly target: string | undefined
  readonly decisionId: string
}

/** How a bind ended: by whom and how, for which reason if we ended it, and what passed over it. */
export type BindEnd = {
  readonly end: string
  readonly reason?: string | undefined
  readonly fromClient: number
  readonly fromUpstream: number
}

/** What passed over several, and how they ended if they did so alike. */
type Ends = Omit<BindEnd, 'end' | 'reason'> & { readonly end: string | undefined }

/** Binds, or ends of binds, of one kind within one minute. */
type Group = {
  readonly shared: NewEvent & { readonly channel: string }
  /** Those after the first, which has a row of its own. */
  count: number
  firstAt: number
  lastAt: number
  ends: Ends | undefined
}

export type BindGroups = {
  /** Counts a bind in, or its end; a row if it is the first of its group. */
  readonly count: (bind: BindEntry, end: BindEnd | undefined, at: number) => Row | undefined
  /** Ends the minute if it is over (or in any case): one row for each group that has more to tell. */
  readonly close: (at: number, inAnyCase: boolean) => readonly Row[]
}

const minuteMs = 60_000

/** Kinds of one user in a minute; further ones are told apart by user and action alone. */
const mostPerUser = 100

const sumOf = (ends: Ends | undefined, { end, fromClient, fromUpstream }: BindEnd): Ends => ({
  end: ends === undefined || ends.end === end ? end : undefined,
  fromClient: (ends?.fromClient ?? 0) + fromClient,
  fromUpstream: (ends?.fromUpstream ?? 0) + fromUpstream,
})

/** Binds of the same user, source and type, and their ends if those are alike too. */
export const createBindGroups = (): BindGroups => {
  const groups = new Map<string, Group>()
  const perUser = new Map<string, number>()
  let minute = 0

  const find = (bind: BindEntry, end: BindEnd | undefined): { group: Group; isNew: boolean } => {
    const { id: userId, accountId, username } = bind.user
    const action = end === undefined ? 'bind.permitted' : 'bind.ended'
    const known = perUser.get(userId) ?? 0
    const coarse = { action, channel: 'smpp', accountId, userId, username }
    const fine = { ...coarse, source: bind.client?.text, target: bind.target, reason: end?.reason }
    const ofUser = `${userId}\n${action}`
    const key = `${ofUser}\n${fine.source ?? ''}\n${fine.target ?? ''}\n${end?.end ?? ''}\n${fine.reason ?? ''}`
    const kept = groups.get(key) ?? (known < mostPerUser ? undefined : groups.get(ofUser))
    if (kept !== undefined) return { group: kept, isNew: false }
    const isFine = known < mostPerUser
    const shared = isFine ? fine : coarse
    const group = { shared, count: 0, firstAt: 0, lastAt: 0, ends: undefined }
    groups.set(isFine ? key : ofUser, group)
    perUser.set(userId, known + 1)
    return { group, isNew: true }
  }

  return {
    count: (bind, end, at) => {
      const { group, isNew } = find(bind, end)
      const { shared } = group
      if (isNew) {
        const { decisionId } = bind
        const after = end && { decisionId, ...sumOf(undefined, end) }
        const ofDecision = end === undefined ? { decisionId } : { after }
        return { ...shared, ...ofDecision, at, count: 1, firstAt: at, lastAt: at }
      }
      if (group.count === 0) group.firstAt = at
      group.count += 1
      group.lastAt = Math.max(group.lastAt, at)
      if (end !== undefined) group.ends = sumOf(group.ends, end)
      return undefined
    },
    close: (at, inAnyCase) => {
      if (!inAnyCase && Math.floor(at / minuteMs) === minute) return []
      const rows: Row[] = []
      for (const { shared, count, firstAt, lastAt, ends } of groups.values())
        if (count > 0) rows.push({ ...shared, after: ends, at: lastAt, count, firstAt, lastAt })
      groups.clear()
      perUser.clear()
      minute = Math.floor(at / minuteMs)
      return rows
    },
  }
}
