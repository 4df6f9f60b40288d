import { asc, desc, gt, sql } from 'drizzle-orm'
import type { Database, Queries, Reader, Transaction } from './database.ts'
import { changes } from './schema/audit.ts'

/** What may no longer be as it was cached. */
export type ChangeKind =
  | 'account'
  | 'api-access'
  | 'api-key'
  | 'device'
  | 'enabled'
  | 'lock'
  | 'password'
  | 'profile'
  | 'role'
  | 'roles'
  | 'safelist'
  | 'session'
  | 'two-factor'
  | 'unlock'
  | 'user'

/** News: it concerns one user, or (`role`, `account`) everyone of the account. */
export type Change = {
  readonly seq: number
  readonly at: number
  readonly accountId: string
  readonly userId: string | null
  readonly kind: ChangeKind
}

/** Adds news to the transaction; this process hears of it on commit, others within their poll. */
export const appendChange = async (
  tx: Transaction,
  change: {
    readonly accountId: string
    readonly userId?: string | null
    readonly kind: ChangeKind
  },
): Promise<void> => {
  await tx.queries.insert(changes).values({ ...change, at: tx.now() })
  tx.announce()
}

const since = (queries: Queries) =>
  queries
    .select()
    .from(changes)
    .where(gt(changes.seq, sql.placeholder('seq')))
    .orderBy(asc(changes.seq))
    .limit(sql.placeholder('limit'))
    .prepare()

/**
 * What came after `seq`, oldest first. Nothing is ever added behind a number that was seen: writers
 * come one after the other, on all nodes (`transact`), so numbers grow in the order of commits.
 */
export const findChangesSince = async (
  reader: Reader,
  seq: number,
  limit = 500,
): Promise<readonly Change[]> =>
  (await reader.prepared(since).execute({ seq, limit })) as unknown as readonly Change[]

const last = (queries: Queries) =>
  queries.select({ seq: changes.seq }).from(changes).orderBy(desc(changes.seq)).limit(1).prepare()

/** The number of the newest change; 0 before the first. */
export const lastChange = async (reader: Reader): Promise<number> =>
  (await reader.prepared(last).execute())[0]?.seq ?? 0

export type Feed = {
  /** Looks now; resolves when all news up to now has been told. Never rejects. */
  readonly poll: () => Promise<void>
  /** Ms since it was last known that nothing was missed (the age of the policy). */
  readonly age: (now: number) => number
  readonly stop: () => void
}

/**
 * Tells every change after its making, in order, once: of this process before `transact` resolves,
 * of others within `pollMs`. Make it before anything is cached. What `onChange` throws, and a
 * database that cannot be read, goes to `onError`; the feed goes on.
 */
export const createFeed = async ({
  database,
  now,
  pollMs = 1000,
  onChange,
  onError,
}: {
  readonly database: Database
  readonly now: () => number
  readonly pollMs?: number
  readonly onChange: (change: Change) => void
  readonly onError: (error: unknown) => void
}): Promise<Feed> => {
  let currentAt = now()
  let position = await lastChange(database)
  let isStopped = false
  let running: Promise<void> | undefined
  let isWanted = false

  const tell = (change: Change): void => {
    position = change.seq
    try {
      onChange(change)
    } catch (error) {
      onError(error)
    }
  }
  const catchUp = async (): Promise<void> => {
    const lookedAt = now()
    for (;;) {
      const news = await findChangesSince(database, position)
      if (isStopped) return
      for (const change of news) tell(change)
      if (news.length === 0) break
    }
    currentAt = lookedAt
  }
  const run = async (): Promise<void> => {
    try {
      while (isWanted && !isStopped) {
        isWanted = false
        await catchUp()
      }
    } catch (error) {
      if (!isStopped) onError(error)
    }
  }
  const poll = (): Promise<void> => {
    isWanted = true
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
  const timer = setInterval(() => void poll(), pollMs).unref()
  database.followers.add(poll)
  await poll()
  return {
    poll,
    age: (at) => Math.max(0, at - currentAt),
    stop: () => {
      isStopped = true
      clearInterval(timer)
      database.followers.delete(poll)
    },
  }
}
