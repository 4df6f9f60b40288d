import { like } from 'drizzle-orm'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { lastChange } from '../../db/changes.ts'
import { transact, type Database } from '../../db/database.ts'
import { meta } from '../../db/schema/accounts.ts'
import { createSourceCounts, type Outcome } from '../../db/source-counts.ts'
import { addSource, findSources, pruneSources, type Source } from '../../db/source-rows.ts'
import { createSourceLog } from '../../db/sources.ts'
import { address } from '../../policies/address.ts'
import { type Clock, refuseWrites, someTime, temporaryDatabase } from '../support/database.ts'

const here = address('203.0.113.7')
const minute = 60_000
const there = address('2001:db8::1')

const withLog = async (
  onError = (error: unknown): void => {
    throw error
  },
) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const log = createSourceLog({ database, onError })
  onTestFinished(() => log.stop())
  return { clock, database, log }
}

const row: Source = {
  userId: 'u1',
  channel: 'http',
  source: '203.0.113.7',
  sourceGroup: '203.0.113.7',
  outcome: 'permitted',
  reason: '',
  firstAt: someTime,
  lastAt: someTime,
  count: 1,
}

describe('sources', () => {
  it('are counted from first to last, over any number of flushes', async () => {
    const { clock, database, log } = await withLog()
    for (let turn = 0; turn < 6; turn++) {
      clock.at = someTime + turn
      log.seen('u1', 'http', here, 'permitted')
      if (turn % 2 === 1) await log.flush()
    }
    expect(await findSources(database, 'u1')).toMatchObject([
      { ...row, lastAt: someTime + 5, count: 6 },
    ])
  })

  it('are told apart by user, channel, address, and outcome with its reason', async () => {
    const { database, log } = await withLog()
    log.seen('u1', 'http', here, 'permitted')
    log.seen('u1', 'smpp', here, 'permitted')
    log.seen('u1', 'http', there, 'permitted')
    log.seen('u1', 'http', here, 'secret-wrong')
    log.seen('u1', 'http', here, 'user-locked')
    log.seen('u2', 'http', here, 'permitted')
    await log.flush()
    const rows = await findSources(database, 'u1')
    expect(
      rows
        .map(({ channel, source, outcome, reason }) => [channel, source, outcome, reason])
        .toSorted(),
    ).toEqual([
      ['http', '2001:db8::1', 'permitted', ''],
      ['http', '203.0.113.7', 'permitted', ''],
      ['http', '203.0.113.7', 'refused', 'secret-wrong'],
      ['http', '203.0.113.7', 'refused', 'user-locked'],
      ['smpp', '203.0.113.7', 'permitted', ''],
    ])
    expect(await findSources(database, 'u2')).toHaveLength(1)
    expect(rows.find(({ source }) => source === '2001:db8::1')?.sourceGroup).toBe(
      '2001:db8:0:0::/64',
    )
  })

  it('are written by themselves within a second or so, and are no news', async () => {
    const { database, log } = await withLog()
    log.seen('u1', 'http', here, 'permitted')
    await vi.waitFor(
      async () => {
        expect(await findSources(database, 'u1')).toHaveLength(1)
      },
      { timeout: 5000 },
    )
    expect(await lastChange(database)).toBe(0)
  })

  it('keep the later time, whoever writes first', async () => {
    const database = await temporaryDatabase()
    for (const at of [5, 9, 3]) {
      const source = { ...row, firstAt: someTime + at, lastAt: someTime + at }
      await transact(database, (tx) => addSource(tx, source))
    }
    expect(await findSources(database, 'u1')).toMatchObject([{ lastAt: someTime + 9, count: 3 }])
  })

  it('leave nothing else behind, also of a process that ended without a word', async () => {
    const { clock, database, log } = await withLog()
    const killed = createSourceLog({ database, onError: () => undefined })
    for (const it of [killed, log]) {
      it.seen('u1', 'http', here, 'permitted')
      await it.flush()
      clock.at += 25 * 60 * minute
    }
    await log.stop()
    expect(await database.queries.select().from(meta).where(like(meta.key, 'sources.%'))).toEqual(
      [],
    )
  })

  it('are counted all the same while the database cannot be written', async () => {
    const errors: unknown[] = []
    const { clock, database, log } = await withLog((error) => void errors.push(error))
    const allow = await refuseWrites(database)
    for (let turn = 0; turn < 4; turn++) {
      clock.at = someTime + turn
      log.seen('u1', 'http', here, 'permitted')
      await log.flush()
    }
    expect(errors).toHaveLength(4)
    await allow()
    await log.flush()
    expect(await findSources(database, 'u1')).toMatchObject([
      { firstAt: someTime, lastAt: someTime + 3, count: 4 },
    ])
  })

  const fill = (database: Database, number: number, outcome: string): Promise<void> =>
    transact(database, async (tx) => {
      for (let index = 0; index < number; index++) {
        await addSource(tx, { ...row, outcome, source: `s${index}`, lastAt: someTime + index })
      }
    })

  it('are let go when there are too many of a user, the oldest first, each outcome by itself', async () => {
    const database = await temporaryDatabase()
    await fill(database, 30, 'refused')
    await fill(database, 3, 'permitted')
    await transact(database, (tx) => addSource(tx, { ...row, userId: 'u2', source: 'old' }))
    await transact(database, (tx) => pruneSources(tx, 'u1', 10))
    const rows = await findSources(database, 'u1')
    expect(rows.filter(({ outcome }) => outcome === 'permitted')).toHaveLength(3)
    expect(
      rows.filter(({ outcome }) => outcome === 'refused').map(({ lastAt }) => lastAt - someTime),
    ).toEqual([29, 28, 27, 26, 25, 24, 23, 22, 21, 20])
    expect(await findSources(database, 'u2')).toHaveLength(1)
  })

  it('of a botnet are not kept without bound', async () => {
    const { clock, database, log } = await withLog()
    for (let index = 0; index < 3000; index++) {
      clock.at += 1
      log.seen('u1', 'http', address(`10.0.${index >> 8}.${index & 255}`), 'secret-wrong')
      if (index % 500 === 499) await log.flush()
    }
    await log.flush()
    expect((await findSources(database, 'u1', 10_000)).length).toBeLessThanOrEqual(1500)
  })
})

describe('counts in memory', () => {
  const outcomes: readonly Outcome[] = ['permitted', 'secret-wrong', 'user-locked']

  it('lose nothing, however they are taken (law)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.record({ add: fc.nat(30) }), fc.record({ take: fc.nat(5) })), {
          maxLength: 300,
        }),
        (steps) => {
          const counts = createSourceCounts(20)
          let [added, written] = [0, 0]
          for (const [at, step] of steps.entries()) {
            if ('add' in step) {
              const outcome = outcomes[step.add % 3] ?? 'permitted'
              const client = address(`10.0.0.${step.add}`)
              if (counts.add(`u${step.add % 2}`, 'http', client, outcome, at)) added += 1
            } else for (const { count } of counts.take(step.take)) written += count
          }
          for (const { count } of counts.take(1000)) written += count
          expect(written).toBe(added)
        },
      ),
      { numRuns: 500, seed: 3 },
    )
  })

  it('are bounded: written ones make room, and refused ones wait outside', () => {
    const counts = createSourceCounts(100)
    const add = (index: number, outcome: Outcome): boolean =>
      counts.add('u1', 'http', address(`10.0.${index >> 8}.${index & 255}`), outcome, someTime)
    let refused = 0
    for (let index = 0; index < 1000; index++) if (!add(index, 'secret-wrong')) refused += 1
    expect(counts.size()).toBe(100)
    expect(refused).toBe(900)
    expect(add(2000, 'permitted')).toBe(true)
    counts.take(1000)
    expect(add(3000, 'secret-wrong')).toBe(true)
    expect(counts.size()).toBe(1)
  })
})
