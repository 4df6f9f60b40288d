import { eq } from 'drizzle-orm'
import { setImmediate as breathe } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { closeDatabase, transact, type Database, type Transaction } from '../../db/database.ts'
import { findMeta, setMeta } from '../../db/meta.ts'
import { meta } from '../../db/schema/accounts.ts'
import { findUser } from '../../db/user-rows.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import { ended, heard, startChild } from '../support/child.ts'
import { addAccount, addUser, placeOf, temporaryDatabase } from '../support/database.ts'

const fault = new Error('a fault of the test')

const put = (tx: Transaction, value: string): Promise<void> => setMeta(tx, 'test', value)
const found = (database: Database) => findMeta(database, 'test')

describe('a transaction', () => {
  it('is seen when it is committed, and not before', async () => {
    const database = await temporaryDatabase()
    await transact(database, async (tx) => {
      await put(tx, 'one')
      await breathe()
      expect(await findMeta(tx, 'test')).toBe('one')
      expect(await found(database)).toBeUndefined()
    })
    expect(await found(database)).toBe('one')
  })

  it('leaves nothing when its work throws, and the next one works', async () => {
    const database = await temporaryDatabase()
    const failing = transact(database, async (tx) => {
      await put(tx, 'one')
      throw fault
    })
    await expect(failing).rejects.toBe(fault)
    expect(await found(database)).toBeUndefined()
    await transact(database, (tx) => put(tx, 'two'))
    expect(await found(database)).toBe('two')
  })

  it('leaves nothing when its last step throws', async () => {
    const database = await temporaryDatabase()
    const failing = transact(database, async (tx) => {
      await put(tx, 'one')
      tx.beforeCommit(() => Promise.reject(fault))
    })
    await expect(failing).rejects.toBe(fault)
    expect(await found(database)).toBeUndefined()
  })

  it('waits for the one before it, however many there are', async () => {
    const database = await temporaryDatabase()
    await transact(database, (tx) => put(tx, '0'))
    const increment = async (tx: Transaction): Promise<void> => {
      const value = Number(await findMeta(tx, 'test'))
      await breathe()
      await put(tx, String(value + 1))
    }
    await Promise.all(Array.from({ length: 50 }, () => transact(database, increment)))
    expect(await found(database)).toBe('50')
  })

  it('cannot be used when it has ended', async () => {
    const database = await temporaryDatabase()
    let kept: Transaction | undefined
    await transact(database, async (tx) => {
      kept = tx
    })
    expect(() => kept?.queries).toThrow(/has ended/)
    await expect(put(kept!, 'late')).rejects.toThrow(/has ended/)
  })

  it('cannot be written past by a reader', async () => {
    const database = await temporaryDatabase()
    const writing = database.queries.delete(meta).where(eq(meta.key, 'test'))
    await expect(writing.then()).rejects.toThrow(/read-?only/)
  })

  it('is finished before the database closes', async () => {
    const database = await temporaryDatabase()
    const writing = transact(database, async (tx) => {
      await breathe()
      await put(tx, 'one')
    })
    await closeDatabase(database)
    await writing
    const again = await temporaryDatabase(undefined, placeOf(database))
    expect(await found(again)).toBe('one')
  })
})

describe('another process', () => {
  it('is waited for while it writes, and reading goes on', async () => {
    const database = await temporaryDatabase()
    const child = startChild(placeOf(database), 'holdLock')
    expect(await heard(child)).toBe('ready')
    const writing = transact(database, (tx) => put(tx, 'one'))
    for (let turn = 0; turn < 10; turn++) await breathe()
    expect(await found(database)).toBeUndefined()
    child.send('let go')
    await writing
    expect(await found(database)).toBe('one')
  })

  it('leaves nothing when it is killed in the middle of a transaction', async () => {
    const database = await temporaryDatabase()
    const user = await addUser(database, (await addAccount(database)).id, { username: 'alice' })
    expect(await ended(startChild(placeOf(database), 'dieInTransact', user.id))).toBe('SIGKILL')
    expect((await findUser(database, user.id))?.enabled).toBe(true)
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 2 })
    await transact(database, (tx) => put(tx, 'one'))
  })

  it('leaves all when it is killed right after a commit', async () => {
    const database = await temporaryDatabase()
    const user = await addUser(database, (await addAccount(database)).id, { username: 'alice' })
    expect(await ended(startChild(placeOf(database), 'dieAfterTransact', user.id))).toBe('SIGKILL')
    expect((await findUser(database, user.id))?.enabled).toBe(false)
    expect(await verifyEvents(database)).toEqual({ ok: true, rows: 3 })
  })
})

it('a thousand transactions in a row leave the process to others between them', async () => {
  const database = await temporaryDatabase()
  let turns = 0
  let isOver = false
  const look = (): void => {
    turns += 1
    if (!isOver) setImmediate(look)
  }
  setImmediate(look)
  await Promise.all(
    Array.from({ length: 1_000 }, () => transact(database, (tx) => findMeta(tx, 'nothing'))),
  )
  isOver = true
  expect(turns).toBeGreaterThan(50)
})
