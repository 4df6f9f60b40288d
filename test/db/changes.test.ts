import { setImmediate as breathe } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { appendChange, findChangesSince, lastChange, type Change } from '../../db/changes.ts'
import { transact, type Database } from '../../db/database.ts'
import { createFeed, type Feed, type FeedOptions } from '../../db/feed.ts'
import { systemActor } from '../../db/record.ts'
import { setUserEnabled } from '../../db/users.ts'
import { heard, startChild } from '../support/child.ts'
import {
  addAccount,
  addUser,
  type Clock,
  damage,
  isPostgres,
  placeOf,
  runSql,
  someTime,
  temporaryDatabase,
} from '../support/database.ts'

const change = (database: Database, userId?: string) =>
  transact(database, (tx) =>
    appendChange(tx, {
      accountId: 'a1',
      kind: 'safelist',
      ...(userId === undefined ? {} : { userId }),
    }),
  )

const follow = async (
  database: Database,
  onChange: (change: Change) => void,
  {
    clock = { at: someTime },
    pollMs = 60_000,
    ...listeners
  }: Partial<FeedOptions> & { readonly clock?: Clock } = {},
): Promise<Feed> => {
  const fail = (cause?: unknown): void => {
    throw new Error('nobody expected that', { cause })
  }
  const feed = await createFeed({
    database,
    elapsed: () => clock.at,
    pollMs,
    onChange,
    onReturn: fail,
    onLost: fail,
    onFound: fail,
    onError: fail,
    ...listeners,
  })
  onTestFinished(feed.stop)
  return feed
}

/** Nothing can be read of them until the answer is called. */
const hideChanges = async (database: Database): Promise<() => Promise<void>> => {
  await damage(database, 'alter table changes rename to hidden')
  return () => damage(database, 'alter table hidden rename to changes')
}

/** As a restored copy has it: later changes are gone, and their numbers free. */
const goBack = async (database: Database, seq: number): Promise<void> => {
  const numbers = isPostgres
    ? `select setval(pg_get_serial_sequence('changes', 'seq'), ${Math.max(1, seq)}, ${seq > 0})`
    : `update sqlite_sequence set seq = ${seq} where name = 'changes'`
  await runSql(database, `delete from changes where seq > ${seq}; ${numbers}`)
}

describe('changes', () => {
  it('grow in number and are found after any of them', async () => {
    const database = await temporaryDatabase()
    expect(await lastChange(database)).toBe(0)
    await change(database, 'u1')
    await change(database)
    expect(await findChangesSince(database, 0)).toEqual([
      { seq: 1, at: someTime, accountId: 'a1', userId: 'u1', kind: 'safelist' },
      { seq: 2, at: someTime, accountId: 'a1', userId: null, kind: 'safelist' },
    ])
    expect(await findChangesSince(database, 1, 1)).toMatchObject([{ seq: 2 }])
    expect(await lastChange(database)).toBe(2)
  })
})

describe('the feed', () => {
  it('has told of a change when its transaction resolves', async () => {
    const database = await temporaryDatabase()
    const told: Change[] = []
    await follow(database, (it) => told.push(it))
    await change(database, 'u1')
    expect(told).toMatchObject([{ seq: 1, userId: 'u1' }])
  })

  it('says nothing of what was there before it, nor of what was rolled back', async () => {
    const database = await temporaryDatabase()
    await change(database)
    const told: number[] = []
    const feed = await follow(database, ({ seq }) => told.push(seq))
    const failing = transact(database, async (tx) => {
      await appendChange(tx, { accountId: 'a1', kind: 'role' })
      throw new Error('a fault of the test')
    })
    await expect(failing).rejects.toThrow()
    await feed.poll()
    expect(told).toEqual([])
    await change(database)
    expect(told).toHaveLength(1)
  })

  it('tells each change once and in order, however they come', async () => {
    const database = await temporaryDatabase()
    const told: number[] = []
    const feed = await follow(database, ({ seq }) => told.push(seq))
    const three = async (): Promise<void> => {
      await transact(database, async (tx) => {
        for (let turn = 0; turn < 3; turn++) {
          await appendChange(tx, { accountId: 'a1', kind: 'user' })
          await breathe()
        }
      })
    }
    await Promise.all([
      ...Array.from({ length: 300 }, three),
      ...Array.from({ length: 50 }, () => feed.poll()),
    ])
    expect(told).toEqual(Array.from({ length: 900 }, (_, index) => index + 1))
  })

  it('goes on after a listener that throws, and reports it', async () => {
    const database = await temporaryDatabase()
    const told: number[] = []
    const errors: unknown[] = []
    const fault = new Error('a fault of the test')
    await follow(
      database,
      ({ seq }) => {
        told.push(seq)
        if (seq === 1) throw fault
      },
      { onError: (error) => void errors.push(error) },
    )
    await change(database)
    await change(database)
    expect(told).toEqual([1, 2])
    expect(errors).toEqual([fault])
  })

  it('knows how old its knowledge is, and is no younger when it cannot read', async () => {
    const database = await temporaryDatabase()
    const clock: Clock = { at: someTime }
    const errors: unknown[] = []
    const feed = await follow(database, () => undefined, {
      clock,
      onLost: (error) => void errors.push(error),
    })
    clock.at += 3000
    expect(feed.age()).toBe(3000)
    await feed.poll()
    expect(feed.age()).toBe(0)
    await hideChanges(database)
    clock.at += 2000
    await feed.poll()
    expect(errors).toHaveLength(1)
    expect(feed.age()).toBe(2000)
  })

  it('tells once that it cannot read, and once, with how long that was, that it can again', async () => {
    const database = await temporaryDatabase()
    const clock: Clock = { at: someTime }
    const told: unknown[] = []
    const feed = await follow(database, ({ seq }) => told.push(seq), {
      clock,
      onLost: () => told.push('lost'),
      onFound: (ms) => told.push(ms),
    })
    const poll = async (): Promise<void> => {
      clock.at += 500
      await feed.poll()
    }
    for (let outage = 0; outage < 2; outage++) {
      const show = await hideChanges(database)
      for (let times = 0; times < 3; times++) await poll()
      await show()
      await change(database)
      await poll()
    }
    expect(told).toEqual(['lost', 1000, 1, 'lost', 1000, 2])
  })

  it.each([
    ['to a change before its last', 0, 2],
    ['to its beginning', 0, 0],
    ['and has gone on meanwhile under the same numbers', 4, 1],
  ])('says that the directory went back %s, and tells what comes then', async (_, since, kept) => {
    const clock: Clock = { at: someTime }
    const database = await temporaryDatabase(clock)
    const told: unknown[] = []
    const feed = await follow(database, ({ seq }) => told.push(seq), {
      onReturn: () => told.push('went back'),
    })
    for (let number = 0; number < 3; number++) await change(database)
    await goBack(database, kept)
    clock.at += 1000
    // By another process, so that nobody here is told.
    const elsewhere = await temporaryDatabase(clock, placeOf(database))
    for (let number = 0; number < since; number++) await change(elsewhere)
    await feed.poll()
    await change(elsewhere)
    await feed.poll()
    expect(told).toEqual([1, 2, 3, 'went back', kept + since + 1])
  })

  it('is silent when it has stopped', async () => {
    const database = await temporaryDatabase()
    const told: number[] = []
    const feed = await follow(database, ({ seq }) => told.push(seq))
    feed.stop()
    await change(database)
    expect(told).toEqual([])
  })
})

describe("another process's change", () => {
  it('is told by polling', async () => {
    const database = await temporaryDatabase()
    const user = await addUser(database, (await addAccount(database)).id, { username: 'alice' })
    const news = Promise.withResolvers<Change>()
    const child = startChild(placeOf(database), 'disableOnWord', user.id)
    expect(await heard(child)).toBe('ready')
    await follow(database, news.resolve, { pollMs: 20 })
    child.send('now')
    expect(await news.promise).toMatchObject({ kind: 'enabled', userId: user.id })
  })

  it('is told there as it is told here', async () => {
    const database = await temporaryDatabase()
    const user = await addUser(database, (await addAccount(database)).id, { username: 'alice' })
    const child = startChild(placeOf(database), 'follow')
    expect(await heard(child)).toBe('ready')
    const hearing = heard(child)
    await transact(database, (tx) =>
      setUserEnabled(tx, { actor: systemActor, userId: user.id, enabled: false }),
    )
    expect(await hearing).toBe(String(await lastChange(database)))
  })
})
