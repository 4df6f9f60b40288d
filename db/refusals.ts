import { eq } from 'drizzle-orm'
import type { EventRow } from './chain.ts'
import type { Database, Reader } from './database.ts'
import { createTagSeal } from './decision-ids.ts'
import { appendEvent } from './events.ts'
import { timeOfId } from './ids.ts'
import { createGroups, type GroupLimits, type Refusal } from './refusal-groups.ts'
import { createRowWriter } from './row-writer.ts'
import { events } from './schema/audit.ts'

export type RefusalLog = {
  /** Records a refusal and answers the id of the decision (UUIDv7), which leads back to its row. */
  readonly record: (refusal: Refusal) => string
  /** Writes what waits; resolves when it is written, or `onError` was told that it was not. */
  readonly flush: () => Promise<void>
  /** Refusals that are in no row yet. */
  readonly pending: () => number
  /** Ends the minute and writes everything. */
  readonly stop: () => Promise<void>
}

export type RefusalLogSettings = {
  readonly database: Database
  readonly onError: (error: unknown) => void
  readonly limits?: GroupLimits
  /** Rows that may wait while the database cannot be written; further ones are merged by reason. */
  readonly mostWaiting?: number
}

/**
 * The audit of refusals at any rate: the first of a kind (user or name, source, channel, reason) is
 * written at once, the rest of its minute as one row with a count. Bounded in memory and on disk.
 */
export const createRefusalLog = ({
  database,
  onError,
  limits,
  mostWaiting,
}: RefusalLogSettings): RefusalLog => {
  const { now, newId, key } = database
  const groups = createGroups(key, limits)
  const { seal } = createTagSeal(key)
  const { closeMinute, add, flush, pending, stop } = createRowWriter({
    database,
    onError,
    closeGroups: groups.close,
    write: appendEvent,
    mostWaiting,
  })
  return {
    record: (refusal) => {
      closeMinute()
      const { tag, first } = groups.count(refusal, now())
      add(first)
      return seal(newId(), tag)
    },
    flush,
    pending,
    stop,
  }
}

/** What the audit knows of a refusal: its first row, and how often it came in that minute. */
export type FoundRefusal = {
  readonly event: EventRow
  readonly count: number
  readonly firstAt: number
  readonly lastAt: number
}

const isOfSameGroup = (one: EventRow, other: EventRow): boolean =>
  one.userId === other.userId &&
  one.nameDigest === other.nameDigest &&
  one.source === other.source &&
  one.channel === other.channel &&
  one.reason === other.reason

/** The refusal that an id was given to; undefined for the id of anything else. */
export const findRefusal = async (
  reader: Reader,
  id: string,
): Promise<FoundRefusal | undefined> => {
  const tag = createTagSeal(reader.key).open(id)
  if (tag === undefined) return undefined
  const rows = await reader.queries
    .select()
    .from(events)
    .where(eq(events.tag, tag))
    .orderBy(events.seq)
  const at = timeOfId(id)
  const [nearest] = rows.toSorted((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))
  if (nearest === undefined) return undefined
  const group = rows.filter((row) => isOfSameGroup(row, nearest))
  return {
    event: group[0] ?? nearest,
    count: group.reduce((sum, { count }) => sum + count, 0),
    firstAt: Math.min(...group.map(({ firstAt }) => firstAt)),
    lastAt: Math.max(...group.map(({ lastAt }) => lastAt)),
  }
}
