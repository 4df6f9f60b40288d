import { describe, expect, it } from 'vitest'
import { appendChange, findChangesSince } from '../../db/changes.ts'
import { transact, type Database, type Transaction } from '../../db/database.ts'
import { findMeta, setMeta } from '../../db/meta.ts'
import { meta } from '../../db/schema/accounts.ts'
import { heard, startChild } from '../support/child.ts'
import { placeOf, runSql, someTime, temporaryDatabase } from '../support/database.ts'
import { behindProxy, loseNextAnswer } from '../support/far-database.ts'

const put = (tx: Transaction, value: string): Promise<void> => setMeta(tx, 'test', value)
const found = (database: Database) => findMeta(database, 'test')

const increment = async (tx: Transaction): Promise<void> => {
  await put(tx, String(Number((await findMeta(tx, 'test')) ?? 0) + 1))
}

const endAll =
  'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()'

describe('two nodes that write at once', () => {
  it('never lose an update', async () => {
    const one = await temporaryDatabase()
    const other = await temporaryDatabase({ at: someTime }, placeOf(one))
    const turns = Array.from({ length: 40 }, (_, turn) =>
      transact(turn % 2 === 0 ? one : other, increment),
    )
    await Promise.all(turns)
    expect(await found(one)).toBe('40')
  })

  it('number their changes in the order in which these can be seen', async () => {
    const one = await temporaryDatabase()
    const other = await temporaryDatabase({ at: someTime }, placeOf(one))
    const change = (database: Database) =>
      transact(database, (tx) => appendChange(tx, { accountId: 'a1', kind: 'user' }))
    let isOver = false
    const seen: number[] = []
    const follow = async (): Promise<void> => {
      for (let wasOver = false; !wasOver;) {
        wasOver = isOver
        const news = await findChangesSince(one, seen.at(-1) ?? 0)
        seen.push(...news.map(({ seq }) => seq))
      }
    }
    const following = follow()
    await Promise.all(Array.from({ length: 60 }, (_, turn) => change(turn % 2 === 0 ? one : other)))
    isOver = true
    await following
    expect(seen).toEqual(Array.from({ length: 60 }, (_, index) => index + 1))
  })

  it('wait for one that stands still no longer than the server bears it', async () => {
    const database = await temporaryDatabase()
    const child = startChild(placeOf(database), 'holdLock')
    expect(await heard(child)).toBe('ready')
    child.kill('SIGSTOP')
    await transact(database, (tx) => put(tx, 'after all'))
    expect(await found(database)).toBe('after all')
  })
})

describe('a transaction', () => {
  it('is run again, from the start, when an outsider was quicker', async () => {
    const database = await temporaryDatabase()
    await transact(database, (tx) => put(tx, '1'))
    let tries = 0
    const begun: number[] = []
    await transact(database, async (tx) => {
      tries += 1
      await tx.once(async () => begun.push(tries))
      const value = Number(await findMeta(tx, 'test'))
      if (tries === 1) await runSql(database, "update meta set value = '5' where key = 'test'")
      await put(tx, String(value + 1))
    })
    expect([tries, begun, await found(database)]).toEqual([2, [1, 2], '6'])
  })

  it('is run again when its connection is lost before the commit', async () => {
    const database = await temporaryDatabase()
    let tries = 0
    await transact(database, async (tx) => {
      tries += 1
      await increment(tx)
      if (tries === 1) await runSql(database, endAll)
    })
    expect([tries, await found(database)]).toEqual([2, '1'])
  })

  it('gives up when that happens every time, and the next one works', async () => {
    const { far, proxy } = await behindProxy()
    let tries = 0
    const failing = transact(far, async (tx) => {
      tries += 1
      await increment(tx)
      proxy.cut()
      await increment(tx)
    })
    await expect(failing).rejects.toThrow()
    expect(tries).toBeGreaterThan(1)
    expect(tries).toBeLessThan(10)
    await transact(far, increment)
    expect(await found(far)).toBe('1')
  })

  it('is never run again when the answer to its commit is lost', async () => {
    const { direct, far, proxy } = await behindProxy()
    let tries = 0
    const failing = transact(far, async (tx) => {
      tries += 1
      await increment(tx)
      loseNextAnswer(proxy)
    })
    await expect(failing).rejects.toThrow(/did not say whether it has committed/)
    expect(tries).toBe(1)
    await transact(direct, increment)
    expect(await found(direct)).toBe('2')
  })

  it('does not take place when a statement failed, whoever caught that', async () => {
    const database = await temporaryDatabase()
    const failing = transact(database, async (tx) => {
      await put(tx, 'one')
      await tx.queries
        .insert(meta)
        .values({ key: 'test', value: 'x' })
        .then(undefined, () => undefined)
    })
    await expect(failing).rejects.toThrow(/nothing was committed/)
    expect(await found(database)).toBeUndefined()
    await transact(database, (tx) => put(tx, 'two'))
  })

  it('fails with a message in which nothing of its values is', async () => {
    const database = await temporaryDatabase()
    const failing = transact(database, async (tx) => {
      await tx.queries.insert(meta).values({ key: 'planted', value: null as unknown as string })
    })
    const error: unknown = await failing.catch((it: unknown) => it)
    expect(error).toBeInstanceOf(Error)
    expect(String(error)).not.toContain('planted')
    expect(String(error)).toMatch(/null value in column/)
  })
})

describe('a server that is lost', () => {
  it('fails reads and writes, and is used again when it is back', async () => {
    const { far, proxy } = await behindProxy()
    await transact(far, (tx) => put(tx, 'one'))
    expect(await found(far)).toBe('one')
    proxy.set({ kind: 'reset' })
    await expect(found(far)).rejects.toThrow()
    await expect(transact(far, (tx) => put(tx, 'two'))).rejects.toThrow()
    proxy.set({ kind: 'none' })
    expect(await found(far)).toBe('one')
    await transact(far, (tx) => put(tx, 'three'))
    expect(await found(far)).toBe('three')
  })

  it('fails them in some seconds when it says nothing at all', async () => {
    const { far, proxy } = await behindProxy()
    await transact(far, (tx) => put(tx, 'one'))
    expect(await found(far)).toBe('one')
    proxy.set({ kind: 'blackhole' })
    await expect(found(far)).rejects.toThrow(/timeout/)
    await expect(transact(far, (tx) => put(tx, 'two'))).rejects.toThrow(/timeout/)
    proxy.set({ kind: 'none' })
    await transact(far, (tx) => put(tx, 'three'))
    expect(await found(far)).toBe('three')
  })

  it('may have restarted: what was connected to it is replaced without a fault', async () => {
    const database = await temporaryDatabase()
    for (let turn = 0; turn < 3; turn++) {
      await Promise.all(Array.from({ length: 8 }, () => found(database)))
      await runSql(database, endAll)
      await transact(database, increment)
    }
    expect(await found(database)).toBe('3')
  })
})
