import { onTestFinished } from 'vitest'
import type { Database } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import type { GroupLimits, Refusal } from '../../db/refusal-groups.ts'
import { createRefusalLog } from '../../db/refusals.ts'
import { address } from '../../policies/address.ts'
import { someTime, temporaryDatabase, type Clock } from './database.ts'

export const minute = 60_000

/** Who is refused, unless a test says otherwise. */
export const user = { id: 'u1', accountId: 'a1', username: 'alice' }

export const refusal: Refusal = {
  channel: 'http',
  reason: 'secret-wrong',
  client: address('203.0.113.7'),
  user,
}

/** A log of refusals on a database of its own, with a clock that the test moves. */
export const withLog = async (
  limits?: GroupLimits,
  onError = (error: unknown): void => {
    throw error
  },
) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const log = createRefusalLog({ database, onError, ...(limits === undefined ? {} : { limits }) })
  onTestFinished(() => log.stop())
  return { clock, database, log }
}

/** The audit's rows, their times from `someTime` on. */
export const rowsOf = async (database: Database) =>
  (await findEventsAfter(database, 0, 100_000)).map((row) => ({
    action: row.action,
    userId: row.userId,
    source: row.source,
    channel: row.channel,
    reason: row.reason,
    count: row.count,
    firstAt: row.firstAt - someTime,
    lastAt: row.lastAt - someTime,
  }))
