import { and, eq, gt, sql } from 'drizzle-orm'
import type { KeyFacts } from '../policies/facts.ts'
import { compilePermissions } from '../policies/permissions.ts'
import { compileStoredSafelist, type WrittenEntry } from '../policies/safelist.ts'
import type { Fault } from '../policies/faults.ts'
import type { Queries, Reader, Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { readEntries } from './safelists.ts'
import { apiKeys } from './schema/credentials.ts'
import { findUser } from './user-rows.ts'

export type ApiKeyRow = typeof apiKeys.$inferSelect

type Row = ApiKeyRow

/** A key without its digests: what may be shown. */
export type ApiKey = Omit<Row, 'digest' | 'previousDigest'>

/** A key as the policy sees it, and whose it is. */
export type FoundKey = {
  readonly id: string
  readonly name: string
  readonly userId: string
  readonly accountId: string
  readonly facts: KeyFacts
  /** Set when the secret before the last rotation was used: good until then. */
  readonly validUntil: number | undefined
  /** The stored list of addresses cannot be read: nothing is let in, and somebody must be told. */
  readonly broken: string | undefined
}

const shown = ({ digest: _, previousDigest: __, ...key }: Row): ApiKey => key

const byDigest = (queries: Queries) =>
  queries
    .select()
    .from(apiKeys)
    .where(eq(apiKeys.digest, sql.placeholder('digest')))
    .prepare()

const byPreviousDigest = (queries: Queries) =>
  queries
    .select()
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.previousDigest, sql.placeholder('digest')),
        gt(apiKeys.previousUntil, sql.placeholder('now')),
      ),
    )
    .prepare()

const foundOf = (row: Row, validUntil: number | undefined): FoundKey => {
  const { safelist, faults } = compileStoredSafelist(row.safelist.map((range) => ({ range })))
  return {
    id: row.id,
    name: row.name,
    userId: row.userId,
    accountId: row.accountId,
    facts: {
      id: row.id,
      enabled: row.enabled,
      safelist,
      ...(row.notBefore === null ? {} : { notBefore: row.notBefore }),
      ...(row.expiresAt === null ? {} : { expiresAt: row.expiresAt }),
      ...(row.permissions === null ? {} : { permissions: compilePermissions(row.permissions) }),
    },
    validUntil,
    broken: faults[0]?.message,
  }
}

/** The key of a secret, by its SHA-256 in hex; also by the one before, while the overlap lasts. */
export const findApiKey = async (reader: Reader, digest: string): Promise<FoundKey | undefined> => {
  const [row] = await reader.prepared(byDigest).execute({ digest })
  if (row !== undefined) return foundOf(row, undefined)
  const now = reader.now()
  const [previous] = await reader.prepared(byPreviousDigest).execute({ digest, now })
  return previous && foundOf(previous, previous.previousUntil ?? 0)
}

export type NewApiKey = {
  readonly actor: Actor
  readonly userId: string
  readonly name: string
  /** SHA-256 of the secret, in hex. */
  readonly digest: string
  readonly safelist?: readonly WrittenEntry[]
  readonly permissions?: readonly string[]
  readonly notBefore?: number
  readonly expiresAt?: number
}

/** A new key of a user; the caller has checked that it reaches no further than the giver. */
export const createApiKey = async (
  tx: Transaction,
  key: NewApiKey,
): Promise<
  ApiKey | { readonly refused: 'user-unknown' } | { readonly faults: readonly Fault[] }
> => {
  const { ranges, faults } = readEntries(key.safelist ?? [])
  if (faults.length > 0) return { faults }
  const user = await findUser(tx, key.userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const at = tx.now()
  const safelist = ranges.map(({ range }) => range.text)
  const [row] = await tx.queries
    .insert(apiKeys)
    .values({
      id: tx.newId(),
      accountId: user.accountId,
      userId: user.id,
      name: key.name,
      digest: key.digest,
      safelist,
      permissions: key.permissions ?? null,
      notBefore: key.notBefore ?? null,
      expiresAt: key.expiresAt ?? null,
      createdBy: key.actor.userId ?? null,
      createdAt: at,
      updatedAt: at,
    })
    .returning()
  if (row === undefined) throw new Error('the new key was not written')
  const { id, name, permissions, notBefore, expiresAt } = row
  await recordChange(tx, {
    actor: key.actor,
    kind: 'api-key',
    action: 'api-key.created',
    accountId: user.accountId,
    user,
    after: { id, name, safelist, permissions, notBefore, expiresAt },
  })
  return shown(row)
}

/** The one way in which a key changes: with its news and its audit record; undefined: no such key. */
export const changeApiKey = async (
  tx: Transaction,
  {
    actor,
    id,
    action,
    set,
    after,
  }: {
    readonly actor: Actor
    readonly id: string
    readonly action: string
    readonly set: (row: Row) => Partial<Row>
    readonly after: (row: Row) => unknown
  },
): Promise<ApiKey | undefined> => {
  const [row] = await tx.queries.select().from(apiKeys).where(eq(apiKeys.id, id))
  const user = row && (await findUser(tx, row.userId))
  if (row === undefined || user === undefined) return undefined
  const [changed] = await tx.queries
    .update(apiKeys)
    .set({ ...set(row), updatedAt: tx.now(), version: row.version + 1 })
    .where(eq(apiKeys.id, id))
    .returning()
  if (changed === undefined) return undefined
  await recordChange(tx, {
    actor,
    kind: 'api-key',
    action,
    accountId: row.accountId,
    user,
    before: { id, name: row.name, ...(after(row) as object) },
    after: { id, name: row.name, ...(after(changed) as object) },
  })
  return shown(changed)
}

/** Enables or disables a key; undefined when there is none. */
export const setApiKeyEnabled = (
  tx: Transaction,
  { actor, id, enabled }: { actor: Actor; id: string; enabled: boolean },
): Promise<ApiKey | undefined> =>
  changeApiKey(tx, {
    actor,
    id,
    action: enabled ? 'api-key.enabled' : 'api-key.disabled',
    set: () => ({ enabled }),
    after: (row) => ({ enabled: row.enabled }),
  })

/** A new secret; the one before stays good for `overlapMs`. */
export const rotateApiKey = (
  tx: Transaction,
  { actor, id, digest, overlapMs }: { actor: Actor; id: string; digest: string; overlapMs: number },
): Promise<ApiKey | undefined> =>
  changeApiKey(tx, {
    actor,
    id,
    action: 'api-key.rotated',
    set: (row) => ({
      digest,
      previousDigest: overlapMs > 0 ? row.digest : null,
      previousUntil: overlapMs > 0 ? tx.now() + overlapMs : null,
    }),
    after: (row) => ({ previousUntil: row.previousUntil }),
  })
