import type { z } from '@hono/zod-openapi'
import { findUserViewById, type UserView } from '../../db/user-views.ts'
import type { WrittenLock } from '../../policies/bucket.ts'
import type { ApiDeps } from '../deps.ts'
import { timeOf, timeOrNull } from '../fields.ts'
import type { user } from './user-schemas.ts'

export type UserBody = z.input<typeof user>

type Locked = Pick<
  WrittenLock,
  'lockedAt' | 'lockedUntil' | 'consecutive' | 'channels' | 'sources'
> & { readonly bucket: string }

const untilOf = (ms: number): string | null => (ms === Infinity ? null : timeOf(ms))

/** A browser is known to whom it belongs; an admin sees that it is one. */
const sourceOf = (bucket: string): string => (bucket.startsWith('device:') ? 'device' : bucket)

const lockOf = (locks: readonly Locked[]): UserBody['lock'] =>
  locks.length === 0
    ? null
    : {
        since: timeOf(Math.min(...locks.map(({ lockedAt }) => lockedAt))),
        until: untilOf(Math.max(...locks.map(({ lockedUntil }) => lockedUntil))),
        buckets: locks.map(({ bucket, lockedAt, lockedUntil, consecutive, channels, sources }) => ({
          source: sourceOf(bucket),
          since: timeOf(lockedAt),
          until: untilOf(lockedUntil),
          failures: consecutive,
          channels: [...channels],
          sources: [...sources],
        })),
      }

/** A user as the API shows one. */
export const userBody = (view: UserView, locks: readonly Locked[] = view.locks): UserBody => ({
  ...view,
  status: view.enabled && locks.length > 0 ? 'locked' : view.status,
  lock: lockOf(locks),
  roles: [...view.roles],
  lastSignIn: view.lastSignIn && { ...view.lastSignIn, at: timeOf(view.lastSignIn.at) },
  deletionRequestedAt: timeOrNull(view.deletionRequestedAt),
  createdAt: timeOf(view.createdAt),
  updatedAt: timeOf(view.updatedAt),
})

/**
 * Locks that the counters know already and the database not yet, or no longer (another process's
 * counters may be shared through Redis).
 */
const countedLocks = async (
  { database, bucketsOf }: ApiDeps,
  { id, locks }: UserView,
): Promise<readonly Locked[]> => {
  const written = new Set(locks.map(({ bucket }) => bucket))
  const now = database.now()
  return (await bucketsOf(id)).flatMap(({ failures, lockedAt, lockedUntil, ...it }) =>
    lockedAt === undefined ||
    lockedUntil === undefined ||
    lockedUntil <= now ||
    written.has(it.bucket)
      ? []
      : [{ ...it, lockedAt, lockedUntil, consecutive: failures }],
  )
}

/** One user, with the locks as they are at this moment, and the version that it is. */
export const readUser = async (
  deps: ApiDeps,
  { id, accountId }: { readonly id: string; readonly accountId: string },
): Promise<{ readonly body: UserBody; readonly version: number } | undefined> => {
  const view = await findUserViewById(deps.database, id)
  if (view?.accountId !== accountId) return undefined
  const locks = [...view.locks, ...(await countedLocks(deps, view))]
  return { body: userBody(view, locks), version: view.version }
}
