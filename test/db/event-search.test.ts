import { describe, expect, it } from 'vitest'
import { transact } from '../../db/database.ts'
import {
  countEvents,
  findDecision,
  findEventPage,
  streamEvents,
  type EventFilter,
} from '../../db/event-search.ts'
import { appendEvent, type NewEvent } from '../../db/events.ts'
import { createRefusalLog } from '../../db/refusals.ts'
import { address } from '../../policies/address.ts'
import { someTime, temporaryDatabase, type Clock } from '../support/database.ts'

const scope = { accountId: 'ours' }

const withEvents = async (events: readonly Partial<NewEvent>[]) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  await transact(database, async (tx) => {
    for (const [index, event] of events.entries())
      await appendEvent(tx, {
        accountId: 'ours',
        action: 'user.changed',
        channel: 'http',
        at: someTime + index,
        target: `event ${index}`,
        ...event,
      })
  })
  const targets = async (filter: EventFilter, more = {}) =>
    (await findEventPage(database, { ...scope, filter, limit: 100, ...more })).map(({ target }) =>
      target?.slice(6),
    )
  return { clock, database, targets }
}

const varied = [
  { actorId: 'root', userId: 'alice', action: 'user.disabled' },
  { userId: 'alice', action: 'decision.refused', reason: 'secret-wrong', source: '192.0.2.7' },
  { userId: 'bob', action: 'decision.refused', reason: 'user-locked', source: '192.0.2.7' },
  { actorId: 'root', userId: 'bob', channel: 'web', source: '203.0.113.7' },
  { accountId: 'theirs', actorId: 'root', userId: 'alice', source: '192.0.2.7' },
  { accountId: null, action: 'decision.refused', reason: 'user-unknown', source: '192.0.2.7' },
]

describe('a search in the audit (U16)', () => {
  it.each<readonly [string, EventFilter, string]>([
    ['nothing', {}, '3 2 1 0'],
    ['who did it', { actor: 'root' }, '3 0'],
    ['whom it is about', { user: 'alice' }, '1 0'],
    ['the action', { action: 'decision.refused' }, '2 1'],
    ['the reason', { reason: 'user-locked' }, '2'],
    ['the channel', { channel: 'web' }, '3'],
    ['the source', { source: '192.0.2.7' }, '2 1'],
    ['several together', { source: '192.0.2.7', user: 'alice', channel: 'http' }, '1'],
    ['what does not go together', { reason: 'secret-wrong', user: 'bob' }, ''],
    ['its begin', { from: someTime + 2 }, '3 2'],
    ['its end', { to: someTime + 2 }, '1 0'],
    ['a span', { from: someTime + 1, to: someTime + 3, source: '192.0.2.7' }, '2 1'],
  ])('by %s shows what it names, the newest first, of one account', async (_, filter, shown) => {
    const { database, targets } = await withEvents(varied)
    const expected = shown === '' ? [] : shown.split(' ')
    expect(await targets(filter)).toEqual(expected)
    expect(await countEvents(database, { ...scope, filter })).toBe(expected.length)
  })

  it('shows what belongs to no account to whom it is told to, in its place', async () => {
    const { database, targets } = await withEvents([...varied, { action: 'decision.refused' }])
    const filter = { action: 'decision.refused' }
    const withStrangers = true
    expect(await targets(filter, { withStrangers })).toEqual(['6', '5', '2', '1'])
    expect(await targets(filter, { withStrangers, limit: 2 })).toEqual(['6', '5'])
    expect(await countEvents(database, { ...scope, filter, withStrangers })).toBe(4)
  })

  it('goes page after page by time, also where rows were written late or at once', async () => {
    const times = [5, 3, 3, 9, 3, 1].map((ms) => ({ at: someTime + ms }))
    const { database, targets } = await withEvents(times)
    const order = ['3', '0', '4', '2', '1', '5']
    expect(await targets({})).toEqual(order)
    const seen: (string | undefined)[] = []
    for (let after; ;) {
      const page = await findEventPage(database, { ...scope, filter: {}, after, limit: 2 })
      const last = page.at(-1)
      if (last === undefined) break
      seen.push(...page.map(({ target }) => target?.slice(6)))
      after = { at: last.at, seq: last.seq }
    }
    expect(seen).toEqual(order)
  })

  it('streams all of it, a page at a time', async () => {
    const { database } = await withEvents(Array.from({ length: 2500 }, () => ({})))
    const pages: number[] = []
    const seqs: number[] = []
    for await (const rows of streamEvents(database, { ...scope, filter: {} })) {
      pages.push(rows.length)
      seqs.push(...rows.map(({ seq }) => seq))
    }
    expect(pages).toEqual([1000, 1000, 500])
    expect(seqs).toEqual(Array.from({ length: 2500 }, (_, index) => 2500 - index))
  })
})

describe('a decision', () => {
  it('is found by its id in its own account, and nobody else’s', async () => {
    const { database } = await withEvents([])
    const log = createRefusalLog({
      database,
      onError: (error) => {
        throw error
      },
    })
    const client = address('192.0.2.7')
    const user = { id: 'alice', accountId: 'ours', username: 'alice' }
    const own = log.record({ channel: 'http', reason: 'user-locked', client, user })
    const foreign = log.record({
      channel: 'http',
      reason: 'user-locked',
      client,
      user: { ...user, id: 'bob', accountId: 'theirs' },
    })
    const strange = log.record({ channel: 'http', reason: 'user-unknown', client, name: 'nobody' })
    await log.stop()
    expect(await findDecision(database, scope, own)).toMatchObject({
      event: { reason: 'user-locked', userId: 'alice' },
      count: 1,
    })
    const all = { ...scope, withStrangers: true }
    expect(await findDecision(database, all, foreign)).toBeUndefined()
    expect(await findDecision(database, scope, strange)).toBeUndefined()
    expect(await findDecision(database, all, strange)).toMatchObject({
      event: { reason: 'user-unknown' },
    })
    expect(await findDecision(database, all, database.newId())).toBeUndefined()
  })
})
