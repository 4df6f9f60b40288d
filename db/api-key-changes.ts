import { and, eq } from 'drizzle-orm'
import type { Fault } from '../policies/faults.ts'
import {
  beyond,
  compilePermissions,
  grantsOf,
  heldInBoth,
  isWithin,
  type Permissions,
} from '../policies/permissions.ts'
import { keyFaults, keyTimeFaults, rangesOfKey, type ApiKeyDraft } from './api-key-drafts.ts'
import {
  changeApiKey,
  createApiKey,
  rotateApiKey,
  type ApiKey,
  type ApiKeyRow,
} from './api-keys.ts'
import type { Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { findPermissions } from './role-lists.ts'
import { apiKeys } from './schema/credentials.ts'
import { findUser, findUserOf } from './user-rows.ts'

/** Who changes something, where, and what they may do themselves. */
type By = {
  readonly actor: Actor
  readonly accountId: string
  readonly held: Permissions
}

type Faulty = { readonly faults: readonly Fault[] }

/** Whether a key of this user that may do this much reaches beyond who makes or touches it (U5). */
const isBeyond = (
  { actor, held }: By,
  owner: { readonly id: string; readonly permissions: Permissions },
  permissions: readonly string[] | null,
): boolean => {
  const isTouchable = actor.userId === owner.id || isWithin(owner.permissions, held)
  const reach =
    permissions === null
      ? owner.permissions
      : heldInBoth(owner.permissions, compilePermissions(permissions))
  return !isTouchable || beyond(grantsOf(reach), held).length > 0
}

/** A new key of a user: `digest` is of its secret, which is shown once and never kept. */
export const issueApiKey = async (
  tx: Transaction,
  {
    userId,
    digest,
    draft,
    ...by
  }: By & {
    readonly userId: string
    readonly digest: string
    readonly draft: Omit<ApiKeyDraft, 'enabled' | 'name'> & { readonly name: string }
  },
): Promise<ApiKey | Faulty | { readonly refused: 'user-unknown' | 'beyond-own-rights' }> => {
  const user = await findUserOf(tx, by.accountId, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const owner = { id: user.id, permissions: await findPermissions(tx, user.id) }
  const { name, notBefore, expiresAt, safelist = [], permissions = null } = draft
  const faults = [...keyFaults(draft, owner.permissions), ...keyTimeFaults(draft, tx.now())]
  if (faults.length > 0) return { faults }
  if (isBeyond(by, owner, permissions)) return { refused: 'beyond-own-rights' }
  return createApiKey(tx, {
    actor: by.actor,
    userId,
    name,
    digest,
    safelist: safelist.map((range) => ({ range })),
    ...(permissions === null ? {} : { permissions }),
    ...((notBefore ?? null) === null ? {} : { notBefore: Number(notBefore) }),
    ...((expiresAt ?? null) === null ? {} : { expiresAt: Number(expiresAt) }),
  })
}

/** Which key is to be changed, by whom, and for which version of it that is meant. */
type OfKey = By & { readonly id: string; readonly version?: number | undefined }

export type KeyRefusal = { readonly refused: 'not-found' | 'stale' | 'beyond-own-rights' }

type Found = { readonly row: ApiKeyRow; readonly permissions: Permissions }

const findChangeable = async (tx: Transaction, of: OfKey): Promise<Found | KeyRefusal> => {
  const isIt = and(eq(apiKeys.accountId, of.accountId), eq(apiKeys.id, of.id))
  const [row] = await tx.queries.select().from(apiKeys).where(isIt)
  if (row === undefined) return { refused: 'not-found' }
  const permissions = await findPermissions(tx, row.userId)
  if (isBeyond(of, { id: row.userId, permissions }, row.permissions))
    return { refused: 'beyond-own-rights' }
  if (of.version !== undefined && of.version !== row.version) return { refused: 'stale' }
  return { row, permissions }
}

const gone = (): never => {
  throw new Error('the key to change is gone')
}

/** What the audit shows of an edit. */
const shown = ({ name, safelist, permissions, notBefore, expiresAt, enabled }: ApiKeyRow) => ({
  name,
  safelist,
  permissions,
  notBefore,
  expiresAt,
  enabled,
})

/** Edits a key; what it no longer allows ends by the news of it. */
export const editApiKey = async (
  tx: Transaction,
  { draft, ...of }: OfKey & { readonly draft: ApiKeyDraft },
): Promise<ApiKey | Faulty | KeyRefusal> => {
  const found = await findChangeable(tx, of)
  if ('refused' in found) return found
  const { row } = found
  const { notBefore = row.notBefore, expiresAt = row.expiresAt, enabled = row.enabled } = draft
  const { name = row.name, permissions = row.permissions } = draft
  const isMoved = notBefore !== row.notBefore || expiresAt !== row.expiresAt
  const faults = [
    ...keyFaults(draft, found.permissions),
    ...(isMoved ? keyTimeFaults({ notBefore, expiresAt }, tx.now()) : []),
  ]
  if (faults.length > 0) return { faults }
  if (isBeyond(of, { id: row.userId, permissions: found.permissions }, permissions))
    return { refused: 'beyond-own-rights' }
  const safelist = draft.safelist === undefined ? row.safelist : rangesOfKey(draft.safelist).ranges
  const set = { name, safelist, permissions, notBefore, expiresAt, enabled }
  const { actor, id } = of
  const action = 'api-key.changed'
  return (await changeApiKey(tx, { actor, id, action, set: () => set, after: shown })) ?? gone()
}

/** Long enough to change every client, and not for good. */
const mostOverlapSeconds = 90 * 86_400

/** A new secret for a key; the one before stays good for the overlap. */
export const renewApiKey = async (
  tx: Transaction,
  {
    digest,
    overlapSeconds,
    ...of
  }: OfKey & { readonly digest: string; readonly overlapSeconds: number },
): Promise<ApiKey | Faulty | KeyRefusal> => {
  const found = await findChangeable(tx, of)
  if ('refused' in found) return found
  const isSound =
    Number.isSafeInteger(overlapSeconds) &&
    overlapSeconds >= 0 &&
    overlapSeconds <= mostOverlapSeconds
  if (!isSound) {
    const message = `takes a whole number from 0 to ${mostOverlapSeconds}`
    return { faults: [{ path: 'overlapSeconds', message }] }
  }
  const { actor, id } = of
  return (await rotateApiKey(tx, { actor, id, digest, overlapMs: overlapSeconds * 1000 })) ?? gone()
}

/** Deletes a key, and the sessions that it opened. */
export const deleteApiKey = async (
  tx: Transaction,
  of: OfKey,
): Promise<{ readonly deleted: true } | KeyRefusal> => {
  const found = await findChangeable(tx, of)
  if ('refused' in found) return found
  const { row } = found
  await tx.queries.delete(apiKeys).where(eq(apiKeys.id, row.id))
  await recordChange(tx, {
    actor: of.actor,
    kind: 'api-key',
    action: 'api-key.deleted',
    accountId: row.accountId,
    user: await findUser(tx, row.userId),
    before: { id: row.id, ...shown(row) },
  })
  return { deleted: true }
}
