import { describe, expect, it } from 'vitest'
import { transact, type Database } from '../../db/database.ts'
import { claimNotices, endNotices, hasDueNotices, pruneNotices } from '../../db/notices.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor } from '../../db/record.ts'
import { notices } from '../../db/schema/notices.ts'
import {
  addAccount,
  addUser,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const minute = 60_000

describe('a notice', () => {
  const leaseMs = minute
  const claimBy = (database: Database, claim: string) =>
    transact(database, (tx) => claimNotices(tx, { claim, limit: 10, leaseMs }))
  const withNotice = async () => {
    const clock: Clock = { at: someTime }
    const database = await temporaryDatabase(clock)
    const account = await addAccount(database)
    const known = { username: 'alice', email: 'alice@example.com', passwordHash: 'a hash' }
    const { id: userId } = await addUser(database, account.id, known)
    await transact(database, (tx) => setPassword(tx, { actor: systemActor, userId, hash: 'other' }))
    return { clock, database }
  }

  it('is taken by one, and by another when the lease is over', async () => {
    const { clock, database } = await withNotice()
    const [one] = await claimBy(database, 'one')
    expect(one).toMatchObject({ tries: 1, claim: 'one' })
    expect(await claimBy(database, 'two')).toEqual([])
    expect(await hasDueNotices(database)).toBe(false)
    clock.at += leaseMs
    expect(await hasDueNotices(database)).toBe(true)
    expect(await claimBy(database, 'two')).toMatchObject([{ id: one?.id, tries: 2 }])
  })

  it('is ended by who has it and by nobody else', async () => {
    const { clock, database } = await withNotice()
    const [{ id } = { id: '' }] = await claimBy(database, 'one')
    clock.at += leaseMs
    await claimBy(database, 'two')
    await transact(database, (tx) => endNotices(tx, 'one', [{ id, outcome: 'sent' }]))
    clock.at += leaseMs
    expect(await claimBy(database, 'three')).toMatchObject([{ tries: 3 }])
    await transact(database, (tx) => endNotices(tx, 'three', [{ id, outcome: 'sent' }]))
    clock.at += 10 * leaseMs
    expect(await claimBy(database, 'four')).toEqual([])
  })

  it('waits as long as it is told to', async () => {
    const { clock, database } = await withNotice()
    const [{ id } = { id: '' }] = await claimBy(database, 'one')
    await transact(database, (tx) => endNotices(tx, 'one', [{ id, againMs: 5_000 }]))
    clock.at += 4_999
    expect(await claimBy(database, 'one')).toEqual([])
    clock.at += 1
    expect(await claimBy(database, 'one')).toHaveLength(1)
  })

  it('is forgotten a month after it is over, and not before', async () => {
    const { clock, database } = await withNotice()
    clock.at += 31 * 1440 * minute
    expect(await transact(database, (tx) => pruneNotices(tx))).toBe(0)
    const [{ id } = { id: '' }] = await claimBy(database, 'one')
    await transact(database, (tx) => endNotices(tx, 'one', [{ id, outcome: 'sent' }]))
    expect(await transact(database, (tx) => pruneNotices(tx))).toBe(1)
    expect(await database.queries.select().from(notices)).toEqual([])
  })
})
