import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { createBindLog, type BindLog } from '../../db/binds.ts'
import type { BindEnd, BindEntry } from '../../db/bind-groups.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import { transact, type Database } from '../../db/database.ts'
import { findEventByDecision, findEventsAfter } from '../../db/events.ts'
import { recordSignIn } from '../../db/users.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { address } from '../../policies/address.ts'
import {
  addAccount,
  addUser,
  refuseWrites,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const minute = 60_000
const user = { id: 'u1', accountId: 'a1', username: 'alice' }
const bind: BindEntry = {
  user,
  client: address('203.0.113.7'),
  target: 'bind_transceiver',
  decisionId: 'd1',
}
const end: BindEnd = { end: 'client-unbound', fromClient: 3, fromUpstream: 2 }

const withLog = async (
  onError = (error: unknown): void => {
    throw error
  },
): Promise<{ clock: Clock; database: Database; log: BindLog }> => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const log = createBindLog({ database, onError })
  onTestFinished(() => log.stop())
  return { clock, database, log }
}

const eventsOf = async (database: Database) =>
  (await findEventsAfter(database, 0, 100_000)).map((row) => ({
    ...row,
    firstAt: row.firstAt - someTime,
    lastAt: row.lastAt - someTime,
    after: row.after === null ? null : (JSON.parse(row.after) as unknown),
  }))
const sumOf = async (database: Database, action: string): Promise<number> =>
  (await eventsOf(database))
    .filter((row) => row.action === action)
    .reduce((sum, { count }) => sum + count, 0)

describe('binds in the audit', () => {
  it('are a row with their decision, and so is their end with what passed', async () => {
    const { database, log } = await withLog()
    log.permitted(bind)
    log.ended(bind, { ...end, reason: 'user-disabled' })
    await log.flush()
    const shared = {
      channel: 'smpp',
      accountId: 'a1',
      userId: 'u1',
      username: 'alice',
      source: '203.0.113.7',
      target: 'bind_transceiver',
      count: 1,
    }
    expect(await eventsOf(database)).toMatchObject([
      { ...shared, action: 'bind.permitted', decisionId: 'd1', reason: null, after: null },
      {
        ...shared,
        action: 'bind.ended',
        reason: 'user-disabled',
        after: { decisionId: 'd1', end: 'client-unbound', fromClient: 3, fromUpstream: 2 },
      },
    ])
    expect((await findEventByDecision(database, 'd1'))?.action).toBe('bind.permitted')
  })

  it('of one kind within a minute are a row at once, and one more for the rest', async () => {
    const { clock, database, log } = await withLog()
    for (const after of [0, 10, 20, 59_999]) {
      clock.at = someTime + after
      log.permitted({ ...bind, decisionId: `d${after}` })
      log.ended(bind, end)
    }
    await log.flush()
    expect((await eventsOf(database)).map(({ count }) => count)).toEqual([1, 1])
    clock.at = someTime + minute
    await log.flush()
    expect((await eventsOf(database)).slice(2)).toMatchObject([
      { action: 'bind.permitted', count: 3, firstAt: 10, lastAt: 59_999, decisionId: null },
      {
        action: 'bind.ended',
        count: 3,
        after: { end: 'client-unbound', fromClient: 9, fromUpstream: 6 },
      },
    ])
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 4 })
    expect(log.pending()).toBe(0)
  })

  const others: readonly (readonly [string, Partial<BindEntry>])[] = [
    ['user', { user: { ...user, id: 'u2', username: 'bob' } }],
    ['source', { client: address('203.0.113.8') }],
    ['type', { target: 'bind_receiver' }],
  ]
  it.each(others)('of another %s are a row of their own', async (_, other) => {
    const { database, log } = await withLog()
    log.permitted(bind)
    log.permitted({ ...bind, ...other })
    await log.flush()
    expect((await eventsOf(database)).map(({ count }) => count)).toEqual([1, 1])
  })

  it('are written by themselves, soon and without anybody asking', async () => {
    const { database, log } = await withLog()
    log.permitted(bind)
    expect(await eventsOf(database)).toEqual([])
    await vi.waitFor(async () => {
      expect(await eventsOf(database)).toHaveLength(1)
    })
  })

  it('are all written, in their order, when the log stops', async () => {
    const { database, log } = await withLog()
    const names = Array.from({ length: 500 }, (_, at) => `user-${at}`)
    for (const username of names)
      log.permitted({ ...bind, user: { id: username, accountId: 'a1', username } })
    await log.stop()
    expect((await eventsOf(database)).map(({ username }) => username)).toEqual(names)
  })

  it('that cannot be written are kept until they can be', async () => {
    const errors: unknown[] = []
    const { database, log } = await withLog((error) => errors.push(error))
    const allow = await refuseWrites(database)
    log.permitted(bind)
    log.permitted({ ...bind, target: 'bind_receiver' })
    await log.flush()
    expect(errors).toHaveLength(1)
    await allow()
    await log.stop()
    expect(await sumOf(database, 'bind.permitted')).toBe(2)
  })

  it('J14 of 12,000 within a minute are two rows and as many for their ends', async () => {
    const { clock, database, log } = await withLog()
    for (let at = 0; at < 12_000; at++) {
      clock.at = someTime + at * 4
      log.permitted(bind)
      log.ended(bind, end)
      if (at % 3_000 === 0) await log.flush()
    }
    await log.stop()
    expect(await eventsOf(database)).toHaveLength(4)
    expect(await sumOf(database, 'bind.permitted')).toBe(12_000)
    expect(await sumOf(database, 'bind.ended')).toBe(12_000)
  })

  it('from ever new sources of one user are a bounded number of rows, and no count is lost', async () => {
    const { clock, database, log } = await withLog()
    for (let at = 0; at < 2_000; at++) {
      clock.at = someTime + at
      const from = { ...bind, client: address(`2001:db8::${(at + 1).toString(16)}`) }
      log.permitted(from)
      log.ended(from, { ...end, end: at % 2 === 0 ? 'client-unbound' : 'client-closed' })
    }
    log.permitted({ ...bind, user: { ...user, id: 'u2', username: 'bob' } })
    await log.stop()
    const rows = await eventsOf(database)
    expect(rows.length).toBeLessThanOrEqual(100 + 4 + 1)
    expect(rows.find(({ userId }) => userId === 'u2')?.source).toBe('203.0.113.7')
    expect(await sumOf(database, 'bind.permitted')).toBe(2_001)
    expect(await sumOf(database, 'bind.ended')).toBe(2_000)
    const passed = rows.map(({ after }) => (after as { fromClient?: number } | null)?.fromClient)
    expect(passed.reduce<number>((sum, count) => sum + (count ?? 0), 0)).toBe(6_000)
  })
})

describe('a sign-in by SMPP', () => {
  it('is recorded with the bind, and a later one is not overwritten', async () => {
    const { clock, database, log } = await withLog()
    const account = await addAccount(database)
    const alice = await addUser(database, account.id, { username: 'alice' })
    const before = (await findEventsAfter(database, 0, 100)).length
    const entry = { ...bind, user: { id: alice.id, accountId: account.id, username: 'alice' } }
    log.permitted(entry)
    clock.at = someTime + 10
    log.permitted(entry)
    await log.flush()
    expect(await findEventsAfter(database, 0, 100)).toHaveLength(before + 1)
    const signIn = async () => {
      const found = await findUserByName(database, 'alice')
      return [found?.lastSignInAt, found?.lastSignInSource, found?.lastSignInChannel]
    }
    expect(await signIn()).toEqual([someTime, '203.0.113.7', 'smpp'])
    const later = { userId: alice.id, at: someTime + 20, source: '192.0.2.1' }
    await transact(database, (tx) => recordSignIn(tx, { ...later, channel: 'web' }))
    clock.at = someTime + minute
    await log.flush()
    expect(await sumOf(database, 'bind.permitted')).toBe(2)
    expect(await signIn()).toEqual([someTime + 20, '192.0.2.1', 'web'])
  })
})
