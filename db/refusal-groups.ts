import { createHmac } from 'node:crypto'
import { sourceGroup, type Address } from '../policies/address.ts'
import type { Reason } from '../policies/reasons.ts'
import type { NewEvent } from './events.ts'
import { deriveKey } from './keys.ts'

/** A refusal as it was answered. */
export type Refusal = {
  readonly channel: string
  readonly reason: Reason
  readonly client?: Address | undefined
  readonly user?:
    { readonly id: string; readonly accountId: string; readonly username: string } | undefined
  /** A name that is no user's, folded; only a keyed digest of it is kept. */
  readonly name?: string | undefined
  /** What was asked for, without a query. */
  readonly target?: string | undefined
}

/** A row of the audit that waits to be written. */
export type Row = NewEvent & {
  readonly channel: string
  readonly count: number
  readonly firstAt: number
  readonly lastAt: number
}

/** Refusals of one kind within one minute. */
type Group = {
  readonly tag: string
  readonly shared: NewEvent
  /** Those after the first, which has a row of its own. */
  count: number
  firstAt: number
  lastAt: number
}

type Found = { readonly group: Group; readonly isNew: boolean }

/** How many groups may be open in a minute; beyond them less is told apart. */
export type GroupLimits = {
  readonly ofUsers: number
  readonly ofStrangers: number
  readonly perSource: number
  readonly ofSources: number
}

const defaultGroupLimits: GroupLimits = Object.freeze({
  ofUsers: 5000,
  ofStrangers: 5000,
  perSource: 100,
  ofSources: 1000,
})

const action = 'decision.refused'
const minuteMs = 60_000
const longestName = 65
const longestTarget = 256

/** What a name that is no user's is kept as: 96 bits that say nothing without the key. */
export const createNameDigest = (installationKey: Buffer): ((name: string) => string) => {
  const key = deriveKey(installationKey, 'names in the audit')
  return (name) => createHmac('sha256', key).update(name).digest('hex').slice(0, 24)
}

export type Groups = {
  /** Counts one refusal: the tag for its id, and a row if it is the first of its group. */
  readonly count: (refusal: Refusal, at: number) => { readonly tag: string; readonly first?: Row }
  /** Ends the minute if it is over (or in any case): one row for each group that has more to tell. */
  readonly close: (at: number, inAnyCase?: boolean) => readonly Row[]
  readonly size: () => number
}

/** Memory and rows per minute are bounded by the limits, whoever sends what. */
export const createGroups = (installationKey: Buffer, limits = defaultGroupLimits): Groups => {
  const nameDigest = createNameDigest(installationKey)
  const tagKey = deriveKey(installationKey, 'refusal tags')
  const groups = new Map<string, Group>()
  const perSource = new Map<string, number>()
  const opened = { users: 0, strangers: 0, sources: 0 }
  let minute = 0

  const hasRoom = ({ user }: Refusal, source: string): boolean =>
    (perSource.get(source) ?? 0) < limits.perSource &&
    (user === undefined ? opened.strangers < limits.ofStrangers : opened.users < limits.ofUsers)

  const open = (key: string, shared: NewEvent, at: number): Group => {
    const tag = createHmac('sha256', tagKey).update(`${minute}\n${key}`).digest('hex').slice(0, 12)
    const group = { tag, shared: { ...shared, tag }, count: 0, firstAt: at, lastAt: at }
    groups.set(key, group)
    return group
  }

  const openFine = (key: string, refusal: Refusal, source: string, at: number): Group => {
    const { channel, reason, client, user, name } = refusal
    perSource.set(source, (perSource.get(source) ?? 0) + 1)
    opened[user === undefined ? 'strangers' : 'users'] += 1
    const shared = { action, channel, reason, source: client?.text }
    if (user === undefined) {
      return open(key, { ...shared, nameDigest: name && nameDigest(name) }, at)
    }
    const { id: userId, accountId, username } = user
    return open(key, { ...shared, accountId, userId, username }, at)
  }

  /** A source in place of everyone from there, or nobody at all, when there are too many. */
  const openCoarse = ({ channel, reason }: Refusal, source: string, at: number): Found => {
    const ofSource = `\n${source}\n${channel}\n${reason}`
    const ofReason = `\n\n${channel}\n${reason}`
    const known = groups.get(ofSource)
    if (known !== undefined) return { group: known, isNew: false }
    const shared = { action, channel, reason }
    if (source !== '' && opened.sources < limits.ofSources) {
      opened.sources += 1
      return { group: open(ofSource, { ...shared, source }, at), isNew: true }
    }
    const last = groups.get(ofReason)
    return last === undefined
      ? { group: open(ofReason, shared, at), isNew: true }
      : { group: last, isNew: false }
  }

  const find = (refusal: Refusal, at: number): Found => {
    const { channel, reason, client, user, name = '' } = refusal
    const who = user === undefined ? `?${name.slice(0, longestName)}` : user.id
    const fine = `${who}\n${client?.text ?? ''}\n${channel}\n${reason}`
    const known = groups.get(fine)
    if (known !== undefined) return { group: known, isNew: false }
    const source = client === undefined ? '' : sourceGroup(client)
    return hasRoom(refusal, source)
      ? { group: openFine(fine, refusal, source, at), isNew: true }
      : openCoarse(refusal, source, at)
  }

  const close: Groups['close'] = (at, inAnyCase = false) => {
    if (!inAnyCase && Math.floor(at / minuteMs) === minute) return []
    const rows: Row[] = []
    for (const { shared, count, firstAt, lastAt } of groups.values()) {
      if (count > 0) rows.push({ ...shared, at: lastAt, count, firstAt, lastAt })
    }
    groups.clear()
    perSource.clear()
    Object.assign(opened, { users: 0, strangers: 0, sources: 0 })
    minute = Math.floor(at / minuteMs)
    return rows
  }

  return {
    count: (refusal, at) => {
      const { group, isNew } = find(refusal, at)
      const { tag, shared } = group
      if (isNew) {
        const target = refusal.target?.slice(0, longestTarget)
        return { tag, first: { ...shared, target, at, count: 1, firstAt: at, lastAt: at } }
      }
      if (group.count === 0) group.firstAt = at
      group.count += 1
      group.lastAt = Math.max(group.lastAt, at)
      return { tag }
    },
    close,
    size: () => groups.size,
  }
}
