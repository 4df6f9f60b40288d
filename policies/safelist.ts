import type { Address } from './address.ts'
import type { Fault } from './faults.ts'
import { firstOf, lastOf, parseRange, type Range } from './range.ts'
import { compileSteps, untilAt1, untilAt4, type Block, type Steps } from './steps.ts'

/** A compiled safelist: immutable, and asked about one address in one binary search. */
export type Safelist = {
  /** No entries at all: every address is allowed (U9). */
  readonly allowsAll: boolean
  readonly size: number
  readonly four: Steps
  readonly six: Steps
}

/** One range, allowed before `expiresAt` (ms since the epoch), or for good without it. */
export type SafelistEntry = { readonly range: Range; readonly expiresAt?: number | undefined }

/** An entry as an admin writes it, or as the database keeps it. */
export type WrittenEntry = {
  readonly range: string
  readonly description?: string | null | undefined
  readonly expiresAt?: number | null | undefined
}

const nowhere = { four: compileSteps([], 1), six: compileSteps([], 4) } as const

/** Allows every address: the list of a user who has none. */
export const openSafelist: Safelist = { ...nowhere, allowsAll: true, size: 0 }

/** Allows no address: for a user whose stored list cannot be read. */
export const closedSafelist: Safelist = { ...nowhere, allowsAll: false, size: 0 }

/**
 * Compiles entries, in whatever order. None means that every address is allowed; entries that have
 * all expired allow nothing, since the end of a permission never opens the door to the rest.
 */
export const compileSafelist = (entries: readonly SafelistEntry[]): Safelist => {
  if (entries.length === 0) return openSafelist
  const blocks = (family: 4 | 6): readonly Block[] =>
    entries
      .filter(({ range }) => range.family === family)
      .map(({ range, expiresAt = Infinity }) => ({
        first: firstOf(range),
        last: lastOf(range),
        until: expiresAt,
      }))
  return {
    allowsAll: false,
    size: entries.length,
    four: compileSteps(blocks(4), 1),
    six: compileSteps(blocks(6), 4),
  }
}

/** Until when (ms since the epoch) an address is allowed: Infinity for good, -Infinity never. */
export const allowedUntil = (safelist: Safelist, { family, words }: Address): number => {
  if (safelist.allowsAll) return Infinity
  return family === 4 ? untilAt1(safelist.four, words[0] ?? 0) : untilAt4(safelist.six, words)
}

/** Whether an address is allowed now; an empty list allows all. Under a microsecond, no allocation. */
export const covers = (safelist: Safelist, client: Address, now: number): boolean =>
  now < allowedUntil(safelist, client)

/** Whether an entry covers an address now; an empty list has none (U18, "known source"). */
export const isListed = (safelist: Safelist, client: Address, now: number): boolean =>
  !safelist.allowsAll && covers(safelist, client, now)

/** How many entries it was made of, expired ones too. */
export const safelistSize = (safelist: Safelist): number => safelist.size

/** What was read of written entries: usable only when there are no faults. */
export type ReadSafelist = {
  readonly ranges: readonly (SafelistEntry & { readonly description?: string | undefined })[]
  readonly faults: readonly Fault[]
  /** What was understood otherwise than it was written, for the writer to see. */
  readonly notes: readonly Fault[]
}

/** Reads every entry and names all bad ones at once, by `path` (`entries.3.range`). */
export const readSafelist = (entries: readonly WrittenEntry[], path = 'entries'): ReadSafelist => {
  const ranges: ReadSafelist['ranges'][number][] = []
  const faults: Fault[] = []
  const notes: Fault[] = []
  for (const [index, entry] of entries.entries()) {
    const at = `${path}.${index}`
    const parsed = parseRange(entry.range)
    const expiresAt = entry.expiresAt ?? undefined
    if (expiresAt !== undefined && !Number.isSafeInteger(expiresAt))
      faults.push({ path: `${at}.expiresAt`, message: 'write a time, or leave it out' })
    if ('fault' in parsed) {
      faults.push({ path: `${at}.range`, message: parsed.fault })
      continue
    }
    const { range, note } = parsed
    if (note !== undefined) notes.push({ path: `${at}.range`, message: note })
    ranges.push({ range, expiresAt, description: entry.description ?? undefined })
  }
  return { ranges, faults, notes }
}

/**
 * Compiles a list as it was stored. One broken row closes all of it, so that damage can only take
 * access away; the faults are for the alarm.
 */
export const compileStoredSafelist = (
  rows: readonly WrittenEntry[],
): { readonly safelist: Safelist; readonly faults: readonly Fault[] } => {
  const { ranges, faults } = readSafelist(rows)
  return { safelist: faults.length > 0 ? closedSafelist : compileSafelist(ranges), faults }
}
