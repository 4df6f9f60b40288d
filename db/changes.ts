import { asc, desc, gt, sql } from 'drizzle-orm'
import type { Queries, Reader, Transaction } from './database.ts'
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
