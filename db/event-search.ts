import { and, count, desc, eq, gte, isNull, lt, sql, type SQL } from 'drizzle-orm'
import { setImmediate as breathe } from 'node:timers/promises'
import type { EventRow } from './chain.ts'
import type { Reader } from './database.ts'
import { findRefusal, type FoundRefusal } from './refusals.ts'
import { events } from './schema/audit.ts'

/** What the audit is searched by; what is absent does not matter. Times in ms since the epoch. */
export type EventFilter = {
  /** The id of who did it. */
  readonly actor?: string | undefined
  /** The id of whom it is about. */
  readonly user?: string | undefined
  readonly action?: string | undefined
  readonly reason?: string | undefined
  readonly channel?: string | undefined
  /** A client address, as the policy spells it. */
  readonly source?: string | undefined
  /** From this instant on, and before that one. */
  readonly from?: number | undefined
  readonly to?: number | undefined
}

/** Whose events are searched. */
export type EventScope = {
  readonly accountId: string
  /** Also those that belong to no account, such as refusals of names that are nobody's. */
  readonly withStrangers?: boolean | undefined
}

/** Where the page before ended. */
export type EventPosition = { readonly at: number; readonly seq: number }

/** The filters that have an index, the one that leaves the fewest rows first. */
const filtered = [
  ['user', events.userId],
  ['actor', events.actorId],
  ['source', events.source],
  ['reason', events.reason],
  ['action', events.action],
  ['channel', events.channel],
] as const

/** Ids of users say by themselves which account is meant; their indices do without it. */
const isOfUsers = (name: (typeof filtered)[number][0] | undefined): boolean =>
  name === 'user' || name === 'actor'

/** Compared row by row: no index is chosen for it in place of the one that is meant. */
const isAmong = (column: (typeof filtered)[number][1], value: string): SQL =>
  sql`${column} || '' = ${value}`

const namedIn = (filter: EventFilter) =>
  filtered.flatMap(([name, column]) => {
    const value = filter[name]
    return value === undefined ? [] : [{ name, column, value }]
  })

const conditionOf = (accountId: string | null, filter: EventFilter): SQL | undefined => {
  const { from, to } = filter
  const [first, ...others] = namedIn(filter)
  return and(
    accountId === null ? isNull(events.accountId) : eq(events.accountId, accountId),
    first && eq(first.column, first.value),
    ...others.map(({ column, value }) => isAmong(column, value)),
    from === undefined ? undefined : gte(events.at, from),
    to === undefined ? undefined : lt(events.at, to),
  )
}

/** The order of the index that is meant, backwards: PostgreSQL does not see that null is one value. */
const orderOf = (filter: EventFilter): readonly SQL[] => {
  const [first] = namedIn(filter)
  const columns = [...(first === undefined ? [] : [first.column]), events.at, events.seq]
  return (isOfUsers(first?.name) ? columns : [events.accountId, ...columns]).map((it) => desc(it))
}

const scopesOf = ({ accountId, withStrangers }: EventScope): readonly (string | null)[] =>
  withStrangers === true ? [accountId, null] : [accountId]

export type EventPage = EventScope & {
  readonly filter: EventFilter
  readonly after?: EventPosition | undefined
  readonly limit: number
}

const isNewer = (one: EventPosition, other: EventPosition): number =>
  other.at - one.at || other.seq - one.seq

/**
 * A page of events, the newest first: by their times, and those of one time by their numbers, so
 * that an index leads to any span of time. One filter alone reads no more rows than it shows.
 */
export const findEventPage = async (
  reader: Reader,
  { filter, after, limit, ...scope }: EventPage,
): Promise<readonly EventRow[]> => {
  const isBehind = after && sql`(${events.at}, ${events.seq}) < (${after.at}, ${after.seq})`
  const found: EventRow[] = []
  for (const accountId of scopesOf(scope))
    found.push(
      ...(await reader.queries
        .select()
        .from(events)
        .where(and(conditionOf(accountId, filter), isBehind))
        .orderBy(...orderOf(filter))
        .limit(limit)),
    )
  return found.toSorted(isNewer).slice(0, limit)
}

/** How many events a filter shows. */
export const countEvents = async (
  reader: Reader,
  { filter, ...scope }: EventScope & { readonly filter: EventFilter },
): Promise<number> => {
  let sum = 0
  for (const accountId of scopesOf(scope)) {
    const [found] = await reader.queries
      .select({ events: count() })
      .from(events)
      .where(conditionOf(accountId, filter))
    sum += found?.events ?? 0
  }
  return sum
}

const rowsAtOnce = 1000

/** All that a filter shows, the newest first, a page in memory at a time: for what streams. */
export const streamEvents = async function* (
  reader: Reader,
  of: Omit<EventPage, 'after' | 'limit'>,
): AsyncGenerator<readonly EventRow[]> {
  let after: EventPosition | undefined
  for (;;) {
    const rows = await findEventPage(reader, { ...of, after, limit: rowsAtOnce })
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    after = { at: last.at, seq: last.seq }
    await breathe()
  }
}

/** The refusal that an id was given to, if it belongs to what may be seen. */
export const findDecision = async (
  reader: Reader,
  { accountId, withStrangers = false }: EventScope,
  id: string,
): Promise<FoundRefusal | undefined> => {
  const found = await findRefusal(reader, id)
  const owner = found?.event.accountId ?? null
  return owner === accountId || (withStrangers && owner === null) ? found : undefined
}
