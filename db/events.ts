import { asc, desc, eq, gt, sql, type SQL } from 'drizzle-orm'
import { genesis, hashOf, parseHead, writeHead, type Covered, type EventRow } from './chain.ts'
import type { Queries, Reader, Transaction } from './database.ts'
import { findMeta, setMeta } from './meta.ts'
import { recordNoticesOf } from './notices.ts'
import { events } from './schema/audit.ts'

/** What happened, as the audit keeps it; values of `before` and `after` never hold secrets. */
export type NewEvent = {
  /** A new one unless it was given one before. */
  readonly id?: string | undefined
  /** `user.disabled`, `decision.refused`, … */
  readonly action: string
  /** Where it came in: a door (`http`, `smpp`, `web`), or `api`, `cli`, `system`. */
  readonly channel: string
  readonly at?: number | undefined
  readonly accountId?: string | null | undefined
  readonly actorId?: string | null | undefined
  readonly userId?: string | null | undefined
  /** Only of a user that exists. */
  readonly username?: string | null | undefined
  readonly nameDigest?: string | null | undefined
  readonly source?: string | null | undefined
  readonly reason?: string | null | undefined
  readonly target?: string | null | undefined
  readonly count?: number | undefined
  readonly firstAt?: number | undefined
  readonly lastAt?: number | undefined
  readonly tag?: string | null | undefined
  readonly decisionId?: string | null | undefined
  readonly before?: unknown
  readonly after?: unknown
}

export const headKey = 'audit.head'

/** Marks, for good, that the chain before it was not sealed with this installation's key. */
export const unsealed = 'audit.unsealed'

type Chain = { seq: number; hash: string }

const columns = Object.keys(events).filter((name) => name !== 'enableRLS') as (keyof EventRow)[]

const insertion = (queries: Queries) =>
  queries
    .insert(events)
    .values(
      Object.fromEntries(
        columns.map((name) => [name, sql.placeholder(name)]),
      ) as unknown as typeof events.$inferInsert,
    )
    .prepare()

const jsonOf = (value: unknown): string | null =>
  value === undefined || value === null ? null : JSON.stringify(value)

const rowOf = (event: NewEvent, id: string, seq: number, now: number): Covered => {
  const at = event.at ?? now
  return {
    seq,
    id,
    at,
    accountId: event.accountId ?? null,
    actorId: event.actorId ?? null,
    userId: event.userId ?? null,
    username: event.username ?? null,
    nameDigest: event.nameDigest ?? null,
    action: event.action,
    channel: event.channel,
    source: event.source ?? null,
    reason: event.reason ?? null,
    target: event.target ?? null,
    count: event.count ?? 1,
    firstAt: event.firstAt ?? at,
    lastAt: event.lastAt ?? event.firstAt ?? at,
    tag: event.tag ?? null,
    decisionId: event.decisionId ?? null,
    before: jsonOf(event.before),
    after: jsonOf(event.after),
  }
}

const link = async (tx: Transaction, chain: Chain, event: NewEvent): Promise<string> => {
  const row = rowOf(event, event.id ?? tx.newId(), chain.seq + 1, tx.now())
  const prevHash = chain.hash
  const hash = hashOf(prevHash, row)
  chain.seq = row.seq
  chain.hash = hash
  await tx.prepared(insertion).execute({ ...row, prevHash, hash })
  return row.id
}

/** The chain as this transaction finds it; its new end is written and sealed once, at the end. */
const openChain = async (tx: Transaction): Promise<Chain> => {
  const text = await findMeta(tx, headKey)
  const head =
    text === undefined ? { seq: 0, hash: genesis, isGenuine: true } : parseHead(tx.key, text)
  if (head === undefined) throw new Error('the head of the audit cannot be read')
  const chain = { seq: head.seq, hash: head.hash }
  // Going on without a word would seal what somebody else wrote.
  if (!head.isGenuine) await link(tx, chain, { action: unsealed, channel: 'system' })
  tx.beforeCommit(() => setMeta(tx, headKey, writeHead(tx.key, chain)))
  return chain
}

/**
 * Appends to the audit, in the transaction of what it records, and with it what is to be told to
 * people; answers the row's id.
 */
export const appendEvent = async (tx: Transaction, event: NewEvent): Promise<string> => {
  const id = await link(tx, await tx.once(openChain), event)
  await recordNoticesOf(tx, { ...event, id })
  return id
}

const firstWhere = async (reader: Reader, condition: SQL): Promise<EventRow | undefined> =>
  (
    await reader.queries.select().from(events).where(condition).orderBy(desc(events.seq)).limit(1)
  )[0]

/** The newest event that names a decision; refusals are found by `findRefusal`. */
export const findEventByDecision = (
  reader: Reader,
  decisionId: string,
): Promise<EventRow | undefined> => firstWhere(reader, eq(events.decisionId, decisionId))

export const findEvent = (reader: Reader, id: string): Promise<EventRow | undefined> =>
  firstWhere(reader, eq(events.id, id))

const following = (queries: Queries) =>
  queries
    .select()
    .from(events)
    .where(gt(events.seq, sql.placeholder('seq')))
    .orderBy(asc(events.seq))
    .limit(sql.placeholder('limit'))
    .prepare()

/** The rows after `seq`, oldest first. */
export const findEventsAfter = (
  reader: Reader,
  seq: number,
  limit: number,
): Promise<readonly EventRow[]> => reader.prepared(following).execute({ seq, limit })
