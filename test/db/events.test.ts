import { describe, expect, it } from 'vitest'
import { canonical, genesis, hashOf, type EventRow } from '../../db/chain.ts'
import { transact, type Database } from '../../db/database.ts'
import { appendEvent, findEvent, findEventByDecision, findEventsAfter } from '../../db/events.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import { isPostgres, runSql, someTime, temporaryDatabase } from '../support/database.ts'

const append = (database: Database, action: string) =>
  transact(database, (tx) => appendEvent(tx, { action, channel: 'system' }))

/** A database with so many events, named after their numbers. */
const withEvents = async (number: number): Promise<Database> => {
  const database = await temporaryDatabase()
  for (let seq = 1; seq <= number; seq++) await append(database, `test.${seq}`)
  return database
}

const rowsOf = (database: Database): Promise<readonly EventRow[]> =>
  findEventsAfter(database, 0, 1000)

/** What somebody does who has the file and no manners. */
describe('an event', () => {
  it('stands in the audit with everything that was said of it', async () => {
    const database = await temporaryDatabase()
    const id = await transact(database, (tx) =>
      appendEvent(tx, {
        action: 'user.disabled',
        channel: 'web',
        accountId: 'a1',
        actorId: 'u1',
        userId: 'u2',
        username: 'bob',
        source: '192.0.2.1',
        decisionId: 'd1',
        before: { enabled: true },
        after: { enabled: false },
      }),
    )
    const event = await findEvent(database, id)
    expect(event).toMatchObject({
      seq: 1,
      id,
      at: someTime,
      firstAt: someTime,
      lastAt: someTime,
      count: 1,
      accountId: 'a1',
      actorId: 'u1',
      userId: 'u2',
      before: '{"enabled":true}',
      after: '{"enabled":false}',
      prevHash: genesis,
    })
    expect(await findEventByDecision(database, 'd1')).toEqual(event)
  })

  it('carries the hash of the one before and of itself', async () => {
    const database = await withEvents(3)
    const rows = await rowsOf(database)
    expect(rows.map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(rows.map(({ prevHash }) => prevHash)).toEqual([genesis, rows[0]?.hash, rows[1]?.hash])
    expect(rows.map((row) => hashOf(row.prevHash, row))).toEqual(rows.map(({ hash }) => hash))
  })

  it('reads the same whatever the order of its fields', async () => {
    const [row] = await rowsOf(await withEvents(1))
    const turned = Object.fromEntries(Object.entries(row!).toReversed()) as EventRow
    expect(canonical(turned)).toBe(canonical(row!))
    expect(canonical(row!)).not.toContain('null')
  })

  it('is not written when its transaction is not, and leaves no gap', async () => {
    const database = await withEvents(1)
    const failing = transact(database, async (tx) => {
      await appendEvent(tx, { action: 'test.lost', channel: 'system' })
      throw new Error('a fault of the test')
    })
    await expect(failing).rejects.toThrow()
    await append(database, 'test.2')
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 2 })
  })

  it.each([
    ['update', "update events set action = 'x' where seq = 2"],
    ['delete', 'delete from events where seq = 2'],
    isPostgres
      ? ['truncate', 'truncate events']
      : ['replace', 'insert or replace into events select * from events where seq = 2'],
  ])('cannot be changed: %s is refused', async (_, sql) => {
    const database = await withEvents(3)
    await expect(runSql(database, sql)).rejects.toThrow(/append-only/)
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 3 })
  })
})
