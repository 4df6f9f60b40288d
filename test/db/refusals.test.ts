import { describe, expect, it, vi } from 'vitest'
import { closeDatabase } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { createNameDigest, type Refusal } from '../../db/refusal-groups.ts'
import { findRefusal } from '../../db/refusals.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import { address } from '../../policies/address.ts'
import { placeOf, someTime, temporaryDatabase } from '../support/database.ts'
import { minute, refusal, rowsOf, user, withLog } from '../support/refusals.ts'

describe('refusals of one kind', () => {
  it('are a row at once, and one more for the rest of the minute', async () => {
    const { clock, database, log } = await withLog()
    for (const after of [0, 10, 20, 59_999]) {
      clock.at = someTime + after
      log.record(refusal)
    }
    await log.flush()
    const shared = {
      action: 'decision.refused',
      userId: 'u1',
      source: '203.0.113.7',
      channel: 'http',
      reason: 'secret-wrong',
    }
    const first = { ...shared, count: 1, firstAt: 0, lastAt: 0 }
    expect(await rowsOf(database)).toEqual([first])
    clock.at = someTime + minute
    await log.flush()
    expect(await rowsOf(database)).toEqual([
      first,
      { ...shared, count: 3, firstAt: 10, lastAt: 59_999 },
    ])
    log.record(refusal)
    await log.flush()
    expect((await rowsOf(database)).slice(2)).toMatchObject([{ count: 1, firstAt: minute }])
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 3 })
  })

  it('are written by themselves, soon and without anybody asking', async () => {
    const { database, log } = await withLog()
    log.record(refusal)
    expect(await rowsOf(database)).toEqual([])
    await vi.waitFor(async () => {
      expect(await rowsOf(database)).toHaveLength(1)
    })
    expect(log.pending()).toBe(0)
  })

  it('are all written when the log stops', async () => {
    const { database, log } = await withLog()
    for (let turn = 0; turn < 7; turn++) log.record(refusal)
    await log.stop()
    expect((await rowsOf(database)).map(({ count }) => count)).toEqual([1, 6])
  })

  const others: readonly (readonly [string, Partial<Refusal>])[] = [
    ['channel', { channel: 'smpp' }],
    ['reason', { reason: 'user-locked' }],
    ['source', { client: address('203.0.113.8') }],
    ['source that cannot be read', { client: undefined }],
    ['user', { user: { ...user, id: 'u2' } }],
    ['name', { user: undefined, name: 'nobody' }],
  ]
  it.each(others)('are told apart by %s', async (_, other) => {
    const { database, log } = await withLog()
    log.record(refusal)
    log.record({ ...refusal, ...other })
    await log.stop()
    expect((await rowsOf(database)).map(({ count }) => count)).toEqual([1, 1])
  })

  it('are told apart by the name that was tried, which is nowhere itself', async () => {
    const { database, log } = await withLog()
    const names = ['planted-name', 'other-planted-name', 'planted-name']
    for (const name of names) log.record({ ...refusal, user: undefined, name })
    await log.stop()
    const rows = await findEventsAfter(database, 0, 10)
    const digest = createNameDigest(database.key)
    expect(rows.map((row) => [row.nameDigest, row.count, row.username])).toEqual([
      [digest('planted-name'), 1, null],
      [digest('other-planted-name'), 1, null],
      [digest('planted-name'), 1, null],
    ])
    expect(JSON.stringify(rows)).not.toContain('planted')
  })

  it('name the user, and what was asked for first, cut to a bearable length', async () => {
    const { database, log } = await withLog()
    log.record({ ...refusal, target: 'POST /sms/3/messages' })
    log.record({ ...refusal, channel: 'web', target: 'x'.repeat(10_000) })
    await log.stop()
    const [one, other] = await findEventsAfter(database, 0, 10)
    expect(one).toMatchObject({
      accountId: 'a1',
      username: 'alice',
      target: 'POST /sms/3/messages',
    })
    expect(other?.target).toHaveLength(256)
  })
})

describe('the id of a refusal', () => {
  it('leads back to its row, the first as well as those after it', async () => {
    const { clock, database, log } = await withLog()
    const ids: string[] = []
    for (const after of [0, 10, 20]) {
      clock.at = someTime + after
      ids.push(log.record(refusal))
    }
    log.record({ ...refusal, reason: 'user-locked' })
    await log.flush()
    for (const id of ids) {
      expect(await findRefusal(database, id)).toMatchObject({
        event: { reason: 'secret-wrong', userId: 'u1' },
        count: 1,
      })
    }
    clock.at = someTime + minute
    await log.flush()
    for (const id of ids) {
      expect(await findRefusal(database, id.toUpperCase())).toMatchObject({
        event: { seq: 1, reason: 'secret-wrong' },
        count: 3,
        firstAt: someTime,
        lastAt: someTime + 20,
      })
    }
  })

  it('leads to the minute in which it was given', async () => {
    const { clock, database, log } = await withLog()
    const ids = [0, 1, 2].map((turn) => {
      clock.at = someTime + turn * minute
      return log.record(refusal)
    })
    await log.stop()
    const found = await Promise.all(ids.map((id) => findRefusal(database, id)))
    expect(found.map((it) => it?.event.seq)).toEqual([1, 2, 3])
  })

  it('is found again after a restart', async () => {
    const { database, log } = await withLog()
    const id = log.record(refusal)
    await log.stop()
    await closeDatabase(database)
    const again = await temporaryDatabase(undefined, placeOf(database))
    expect(await findRefusal(again, id)).toMatchObject({ event: { reason: 'secret-wrong' } })
  })

  it.each(['', 'x', '01a20d78-38a6-7037-af3f-32508fbb0ebb'])('is not %j', async (id) => {
    const { database, log } = await withLog()
    log.record(refusal)
    await log.flush()
    expect(await findRefusal(database, id)).toBeUndefined()
  })

  it('is never the same twice', async () => {
    const { log } = await withLog()
    const ids = Array.from({ length: 10_000 }, () => log.record(refusal))
    expect(new Set(ids).size).toBe(ids.length)
  })
})
