import { and, desc, eq, gte } from 'drizzle-orm'
import { parseAddress } from '../policies/address.ts'
import { rememberMs } from '../policies/bucket.ts'
import type { Fault } from '../policies/faults.ts'
import {
  compileSafelist,
  compileStoredSafelist,
  covers,
  type Safelist,
  type WrittenEntry,
} from '../policies/safelist.ts'
import type { Reader } from './database.ts'
import { findEntries, readEntries } from './safelists.ts'
import { sources } from './schema/audit.ts'
import { findUserOf } from './user-rows.ts'

/** An address from which the user was let in during the last 30 days, over all channels. */
export type CutSource = {
  readonly source: string
  readonly channels: readonly string[]
  readonly firstAt: number
  readonly lastAt: number
  readonly count: number
}

/** Something of the user's that goes on: a bind, a stream, a session, with where it comes from. */
export type LiveSource = { readonly source: string | null | undefined }

export type Preview<Live extends LiveSource> = {
  /** The ranges as they would be kept, and what was understood otherwise than written. */
  readonly ranges: readonly string[]
  readonly notes: readonly Fault[]
  /** What the list of now lets in and the new one would not. */
  readonly sources: readonly CutSource[]
  readonly live: readonly Live[]
  /** Whether the new list covers the address of who asks. */
  readonly coversClient: boolean
}

/** An address that cannot be read is covered by no list but the empty one. */
const isCovered = (list: Safelist, source: string | null | undefined, now: number): boolean => {
  const client = source === null || source === undefined ? undefined : parseAddress(source)
  return client === undefined ? list.allowsAll : covers(list, client, now)
}

const mostRows = 1000

/** From where the user was let in within the last 30 days, the latest first. */
const findRecentSources = async (reader: Reader, userId: string): Promise<readonly CutSource[]> => {
  const isRecent = and(
    eq(sources.userId, userId),
    eq(sources.outcome, 'permitted'),
    gte(sources.lastAt, reader.now() - rememberMs),
  )
  const rows = await reader.queries
    .select()
    .from(sources)
    .where(isRecent)
    .orderBy(desc(sources.lastAt), desc(sources.id))
    .limit(mostRows)
  const bySource = new Map<string, CutSource>()
  for (const { source, channel, firstAt, lastAt, count } of rows) {
    const other = bySource.get(source)
    bySource.set(source, {
      source,
      channels: [...(other?.channels ?? []), channel],
      firstAt: Math.min(firstAt, other?.firstAt ?? firstAt),
      lastAt: Math.max(lastAt, other?.lastAt ?? lastAt),
      count: count + (other?.count ?? 0),
    })
  }
  return [...bySource.values()]
}

/**
 * Whom a list would cut off if it were saved now (U18): the same reading and the same policy as
 * when it is saved, so that what is told here is what happens then.
 */
export const previewSafelist = async <Live extends LiveSource>(
  reader: Reader,
  {
    accountId,
    userId,
    entries,
    live,
    client,
  }: {
    readonly accountId: string
    readonly userId: string
    readonly entries: readonly WrittenEntry[]
    /** What of the user's goes on now, on all nodes. */
    readonly live: readonly Live[]
    /** The address of who asks. */
    readonly client: string | undefined
  },
): Promise<
  Preview<Live> | { readonly faults: readonly Fault[] } | { readonly refused: 'user-unknown' }
> => {
  const { ranges, faults, notes } = readEntries(entries)
  if (faults.length > 0) return { faults }
  if ((await findUserOf(reader, accountId, userId)) === undefined)
    return { refused: 'user-unknown' }
  const now = reader.now()
  const current = compileStoredSafelist(await findEntries(reader, userId)).safelist
  const next = compileSafelist(ranges)
  const isCut = ({ source }: LiveSource): boolean =>
    isCovered(current, source, now) && !isCovered(next, source, now)
  return {
    ranges: ranges.map(({ range }) => range.text),
    notes,
    sources: (await findRecentSources(reader, userId)).filter(isCut),
    live: live.filter(isCut),
    coversClient: isCovered(next, client, now),
  }
}
