import { asc, eq } from 'drizzle-orm'
import { parseAddress } from '../policies/address.ts'
import type { Fault } from '../policies/faults.ts'
import {
  allowedUntil,
  compileSafelist,
  readSafelist,
  type ReadSafelist,
  type WrittenEntry,
} from '../policies/safelist.ts'
import type { Reader, Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { safelistEntries } from './schema/users.ts'
import { touchUser } from './user-changes.ts'
import { findUser } from './user-rows.ts'

export type SafelistRow = typeof safelistEntries.$inferSelect

/** Enough for any customer; more is a mistake, or an attack on whoever compiles it. */
const maxEntries = 10_000

/** Entries in the order in which they were written. */
export const findEntries = (reader: Reader, userId: string): Promise<readonly SafelistRow[]> =>
  reader.queries
    .select()
    .from(safelistEntries)
    .where(eq(safelistEntries.userId, userId))
    .orderBy(asc(safelistEntries.id))

const repetitions = ({ ranges }: ReadSafelist): readonly Fault[] => {
  const seen = new Set<string>()
  return ranges.flatMap(({ range: { text } }, index) => {
    if (!seen.has(text)) {
      seen.add(text)
      return []
    }
    return [{ path: `entries.${index}.range`, message: `${text} is on the list already` }]
  })
}

/** Reads a list as a whole: what `readSafelist` says, and that no range stands there twice. */
export const readEntries = (entries: readonly WrittenEntry[]): ReadSafelist => {
  if (entries.length > maxEntries) {
    const message = `takes at most ${maxEntries} entries`
    return { ranges: [], faults: [{ path: 'entries', message }], notes: [] }
  }
  const read = readSafelist(entries)
  return read.faults.length > 0 ? read : { ...read, faults: repetitions(read) }
}

const rowsAtOnce = 500

/** The rows alone; the caller records them. */
export const addEntries = async (
  tx: Transaction,
  userId: string,
  ranges: ReadSafelist['ranges'],
): Promise<void> => {
  const createdAt = tx.now()
  const rows = ranges.map(({ range, description = '', expiresAt = null }) => {
    return { id: tx.newId(), userId, range: range.text, description, expiresAt, createdAt }
  })
  for (let at = 0; at < rows.length; at += rowsAtOnce) {
    await tx.queries.insert(safelistEntries).values(rows.slice(at, at + rowsAtOnce))
  }
}

type Shown = { readonly range: string; readonly description?: string; readonly expiresAt?: number }

const shown = (range: string, description?: string, expiresAt?: number | null): Shown => ({
  range,
  ...(description === undefined || description === '' ? {} : { description }),
  ...(expiresAt === undefined || expiresAt === null ? {} : { expiresAt }),
})

export type Replaced =
  | { readonly entries: readonly Shown[]; readonly notes: readonly Fault[] }
  | { readonly faults: readonly Fault[] }
  | { readonly refused: 'user-unknown' }
  | { readonly refused: 'safelist-excludes-you'; readonly clientAddress: string | undefined }

/** For good: the last admin would be shut out by a permission that ends. */
const excludes = (ranges: ReadSafelist['ranges'], source: string | undefined) => {
  const client = source === undefined ? undefined : parseAddress(source)
  return client === undefined || allowedUntil(compileSafelist(ranges), client) !== Infinity
}

/**
 * Replaces a user's list (U9). Who edits their own list must be covered by it for good; bad entries are
 * named all at once, and nothing is changed then.
 */
export const replaceSafelist = async (
  tx: Transaction,
  {
    actor,
    userId,
    entries,
  }: {
    readonly actor: Actor
    readonly userId: string
    readonly entries: readonly WrittenEntry[]
  },
): Promise<Replaced> => {
  const { ranges, faults, notes } = readEntries(entries)
  if (faults.length > 0) return { faults }
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const isOwn = actor.userId === userId
  if (isOwn && ranges.length > 0 && excludes(ranges, actor.source)) {
    return { refused: 'safelist-excludes-you', clientAddress: actor.source }
  }
  const before = (await findEntries(tx, userId)).map(({ range, description, expiresAt }) =>
    shown(range, description, expiresAt),
  )
  const after = ranges.map(({ range, description, expiresAt }) =>
    shown(range.text, description, expiresAt),
  )
  await tx.queries.delete(safelistEntries).where(eq(safelistEntries.userId, userId))
  await addEntries(tx, userId, ranges)
  await touchUser(tx, user)
  await recordChange(tx, {
    actor,
    kind: 'safelist',
    action: 'user.safelist-changed',
    accountId: user.accountId,
    user,
    before,
    after,
  })
  return { entries: after, notes }
}
