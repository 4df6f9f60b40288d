import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Database } from '../../db/database.ts'
import { type GroupLimits } from '../../db/refusal-groups.ts'
import { createRefusalLog, findRefusal } from '../../db/refusals.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import { address } from '../../policies/address.ts'
import { type Clock, refuseWrites, someTime, temporaryDatabase } from '../support/database.ts'
import { minute, refusal, rowsOf, user, withLog } from '../support/refusals.ts'

const sumOf = async (database: Database): Promise<number> =>
  (await rowsOf(database)).reduce((sum, { count }) => sum + count, 0)

describe('the log', () => {
  const limits: GroupLimits = { ofUsers: 20, ofStrangers: 10, perSource: 5, ofSources: 3 }

  const clientOf = (index: number) =>
    address(`10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`)

  it('tells less apart when too much comes from one source, and goes on telling the others', async () => {
    const { database, log } = await withLog(limits)
    for (let index = 0; index < 1000; index++) {
      log.record({ ...refusal, user: undefined, name: `name-${index}` })
    }
    log.record({ ...refusal, client: address('192.0.2.1') })
    await log.stop()
    const rows = await rowsOf(database)
    expect(rows).toHaveLength(5 + 2 + 1)
    expect(rows.at(-1)).toMatchObject({ source: '203.0.113.7', count: 994 })
    expect(rows.filter(({ source }) => source === '192.0.2.1')).toMatchObject([{ userId: 'u1' }])
  })

  it('takes a /64 for one source', async () => {
    const { database, log } = await withLog(limits)
    for (let index = 1; index <= 1000; index++) {
      log.record({ ...refusal, client: address(`2001:db8::${index.toString(16)}`) })
    }
    await log.stop()
    const rows = await rowsOf(database)
    expect(rows).toHaveLength(5 + 2)
    expect(rows.at(-1)).toMatchObject({ source: '2001:db8:0:0::/64', count: 994 })
  })

  it('writes a bounded number of rows, whoever sends what, and no count is lost', async () => {
    const { database, log } = await withLog(limits)
    const ids: string[] = []
    for (let index = 0; index < 5000; index++) {
      const name = `name-${index}`
      ids.push(log.record({ ...refusal, client: clientOf(index), user: undefined, name }))
    }
    await log.stop()
    expect(await sumOf(database)).toBe(5000)
    expect((await rowsOf(database)).length).toBeLessThanOrEqual(10 + 3 * 2 + 2)
    for (const id of [ids[0], ids[2500], ids[4999]]) {
      expect(await findRefusal(database, id ?? '')).toMatchObject({
        event: { reason: 'secret-wrong', channel: 'http' },
      })
    }
  })

  it('keeps a place for users when strangers take all of theirs', async () => {
    const { database, log } = await withLog(limits)
    for (let index = 0; index < 5000; index++) {
      log.record({ ...refusal, client: clientOf(index), user: undefined, name: 'x' })
    }
    log.record({ ...refusal, client: address('192.0.2.1') })
    await log.stop()
    expect((await rowsOf(database)).filter(({ userId }) => userId === 'u1')).toHaveLength(1)
  })

  it('loses nothing while the database cannot be written, and says so', async () => {
    const errors: unknown[] = []
    const { clock, database, log } = await withLog(undefined, (error) => void errors.push(error))
    const allow = await refuseWrites(database)
    for (let turn = 0; turn < 10; turn++) {
      clock.at += minute / 2
      log.record(refusal)
    }
    await log.flush()
    expect(errors.length).toBeGreaterThan(0)
    expect(log.pending()).toBe(10)
    await allow()
    await log.stop()
    expect(log.pending()).toBe(0)
    expect(await sumOf(database)).toBe(10)
    expect(await verifyEvents(database)).toMatchObject({ ok: true })
  })

  it('keeps the sum, and little else, when that lasts', async () => {
    const clock: Clock = { at: someTime }
    const database = await temporaryDatabase(clock)
    const log = createRefusalLog({ database, onError: () => undefined, mostWaiting: 10 })
    for (let index = 0; index < 1000; index++) {
      log.record({ ...refusal, client: clientOf(index) })
    }
    await log.stop()
    const rows = await rowsOf(database)
    expect(rows).toHaveLength(11)
    expect(await sumOf(database)).toBe(1000)
  })

  it('sums up to the refusals that were sent, in any order and at any time (law)', async () => {
    const { clock, database, log } = await withLog(limits)
    let sent = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            who: fc.nat(40),
            where: fc.nat(40),
            reason: fc.constantFrom('secret-wrong', 'user-locked', 'user-unknown'),
            wait: fc.constantFrom(0, 1, 1000, 30_000, -1000),
            isFlushed: fc.boolean(),
          }),
          { maxLength: 60 },
        ),
        async (steps) => {
          for (const { who, where, reason, wait, isFlushed } of steps) {
            clock.at += wait
            const client = clientOf(where)
            const known = { ...user, id: `u${who}` }
            const id = log.record(
              who < 20
                ? { channel: 'http', reason, client, user: known }
                : { channel: 'http', reason, client, name: `n${who}` },
            )
            sent += 1
            if (isFlushed) {
              await log.flush()
              expect(await findRefusal(database, id)).toMatchObject({ event: { reason } })
            }
          }
        },
      ),
      { numRuns: 50, seed: 7 },
    )
    expect(await sumOf(database).then((sum) => sum <= sent)).toBe(true)
    await log.stop()
    expect(await sumOf(database)).toBe(sent)
    expect(await verifyEvents(database)).toMatchObject({ ok: true })
  })

  it('writes at most two rows a minute for one kind at any rate', async () => {
    const { clock, database, log } = await withLog()
    const flushing: Promise<void>[] = []
    for (let turn = 0; turn < 50_000; turn++) {
      clock.at += 5
      log.record(refusal)
      if (turn % 1000 === 0) flushing.push(log.flush())
    }
    await Promise.all(flushing)
    await log.stop()
    const minutes = Math.ceil((50_000 * 5) / minute) + 1
    expect((await rowsOf(database)).length).toBeLessThanOrEqual(2 * minutes)
    expect(await sumOf(database)).toBe(50_000)
  })
})
