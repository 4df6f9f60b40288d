import { describe, expect, it } from 'vitest'
import { genesis, hashOf, type EventRow } from '../../db/chain.ts'
import { closeDatabase, transact, type Database } from '../../db/database.ts'
import { appendEvent, findEventsAfter } from '../../db/events.ts'
import { verifyEvents, type Broken } from '../../db/chain-verification.ts'
import { byHand, forgetKey, placeOf, temporaryDatabase } from '../support/database.ts'

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

const copyOf = (columns: string, seq: number, values: string): string =>
  `insert into events (${columns}, id, seq) select ${columns}, ${values} from events where seq = ${seq}`

const columns = 'at, action, channel, count, first_at, last_at, prev_hash, hash'

describe('verify (H9)', () => {
  it('finds nothing wrong with an empty audit', async () => {
    expect(await verifyEvents(await temporaryDatabase())).toEqual({ ok: true, rows: 0 })
  })

  const rows: readonly (readonly [what: string, sql: string, broken: Broken, rows: number])[] = [
    [
      'a changed action',
      "update events set action = 'x' where seq = 3",
      { seq: 3, why: 'changed' },
      2,
    ],
    [
      'a changed instant',
      'update events set at = at + 1 where seq = 3',
      { seq: 3, why: 'changed' },
      2,
    ],
    [
      'a value where none was',
      "update events set reason = 'x' where seq = 3",
      { seq: 3, why: 'changed' },
      2,
    ],
    [
      'a changed hash',
      'update events set hash = prev_hash where seq = 3',
      { seq: 3, why: 'changed' },
      2,
    ],
    [
      'a changed first row',
      "update events set action = 'x' where seq = 1",
      { seq: 1, why: 'changed' },
      0,
    ],
    [
      'a changed last row',
      "update events set action = 'x' where seq = 5",
      { seq: 5, why: 'changed' },
      4,
    ],
    ['a deleted row', 'delete from events where seq = 3', { seq: 3, why: 'missing' }, 2],
    ['a deleted first row', 'delete from events where seq = 1', { seq: 1, why: 'missing' }, 0],
    ['a cut tail', 'delete from events where seq > 3', { seq: 4, why: 'missing' }, 3],
    ['an emptied audit', 'delete from events', { seq: 1, why: 'missing' }, 0],
    ['an inserted row at the end', copyOf(columns, 5, "'x', 6"), { seq: 6, why: 'changed' }, 5],
    [
      'an inserted row at the beginning',
      copyOf(columns, 1, "'x', 0"),
      { seq: 0, why: 'inserted' },
      0,
    ],
    [
      'an inserted row in between',
      `update events set seq = -seq where seq > 3; ${copyOf(columns, 3, "'x', 4")};
       update events set seq = 1 - seq where seq < 0`,
      { seq: 4, why: 'changed' },
      3,
    ],
    ['a deleted end', "delete from meta where key = 'audit.head'", { seq: 5, why: 'head' }, 5],
    [
      'a moved end',
      "update meta set value = replace(value, '5 ', '4 ') where key = 'audit.head'",
      { seq: 4, why: 'head' },
      5,
    ],
  ]
  it.each(rows)('names %s', async (_, sql, broken, number) => {
    const database = await withEvents(5)
    await byHand(database, sql)
    const { ok, rows, firstBroken } = await verifyEvents(database)
    expect(ok).toBe(false)
    expect(firstBroken).toMatchObject(broken)
    expect(rows).toBe(number)
  })

  /** Rewrites a row and everything after it with the right hashes, and the end as well. */
  const forge = async (
    database: Database,
    rows: readonly EventRow[],
    upTo: number,
  ): Promise<void> => {
    let prevHash = genesis
    const statements = rows.slice(0, upTo).map((row) => {
      const hash = hashOf(prevHash, { ...row, action: 'test.forged' })
      const set = `action = 'test.forged', prev_hash = '${prevHash}', hash = '${hash}'`
      prevHash = hash
      return `update events set ${set} where seq = ${row.seq}`
    })
    await byHand(
      database,
      [
        ...statements,
        `delete from events where seq > ${upTo}`,
        `update meta set value = '${upTo} ${prevHash} ' || substr(value, length(value) - 63) where key = 'audit.head'`,
      ].join(';'),
    )
  }

  it('names a chain that was computed anew by somebody without the key', async () => {
    const database = await withEvents(5)
    await forge(database, await rowsOf(database), 5)
    expect(await verifyEvents(database)).toEqual({
      ok: false,
      rows: 5,
      firstBroken: { seq: 5, why: 'head' },
    })
  })

  it('names a row that fits the chain but was never written by us', async () => {
    const database = await withEvents(5)
    const last = (await rowsOf(database)).at(-1)!
    const hash = hashOf(last.hash, { ...last, seq: 6, id: 'x' })
    const values = `'x', 6`
    const sql = copyOf(columns, 5, values)
    await byHand(
      database,
      `${sql}; update events set prev_hash = '${last.hash}', hash = '${hash}' where seq = 6`,
    )
    const { firstBroken } = await verifyEvents(database)
    expect(firstBroken).toEqual({ seq: 6, why: 'inserted' })
  })

  it('goes on naming it after more was appended', async () => {
    const database = await withEvents(5)
    await forge(database, await rowsOf(database), 3)
    await append(database, 'test.next')
    const { ok, firstBroken } = await verifyEvents(database)
    expect(ok).toBe(false)
    expect(firstBroken).toMatchObject({ seq: 4, why: 'head' })
    expect((await rowsOf(database)).at(-1)).toMatchObject({ seq: 5, action: 'test.next' })
  })

  it('names the place where another key took over', async () => {
    const database = await withEvents(2)
    await closeDatabase(database)
    await forgetKey(database)
    const again = await temporaryDatabase(undefined, placeOf(database))
    await append(again, 'test.next')
    const { firstBroken } = await verifyEvents(again)
    expect(firstBroken).toMatchObject({ seq: 3, why: 'head' })
  })

  it('walks rows that are appended while it walks', async () => {
    const database = await temporaryDatabase()
    const many = async (): Promise<void> => {
      for (let turn = 0; turn < 20; turn++) {
        await transact(database, async (tx) => {
          for (let row = 0; row < 100; row++)
            await appendEvent(tx, { action: 'test.many', channel: 'system' })
        })
      }
    }
    await many()
    const [verified] = await Promise.all([verifyEvents(database), many()])
    expect(verified.ok).toBe(true)
    expect(verified.rows).toBeGreaterThanOrEqual(2000)
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 4000 })
  })
})
