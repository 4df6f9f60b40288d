import { describe, expect, it } from 'vitest'
import { findApiKeyView, writeKeyUses } from '../../db/api-key-lists.ts'
import { createApiKey } from '../../db/api-keys.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { createLastUses, type LastUse } from '../../db/last-uses.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { address } from '../../policies/address.ts'
import {
  addAccount,
  addUser,
  made,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const home = address('192.0.2.7')
const away = address('203.0.113.7')

const withUses = async (most?: number) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const written: LastUse[] = []
  const errors: unknown[] = []
  const trouble = { isOn: false }
  const uses = createLastUses({
    database,
    write: async (tx, rows) => {
      if (trouble.isOn) throw new Error('the disk is full')
      await writeKeyUses(tx, rows)
      written.push(...rows)
    },
    onError: (error) => errors.push(error),
    ...(most === undefined ? {} : { most }),
  })
  return { clock, database, uses, written, errors, trouble }
}

describe('the last use', () => {
  it('of a key is kept with its source, neither as news nor as audit (U13)', async () => {
    const { database, uses } = await withUses()
    const { id: accountId } = await addAccount(database)
    const user = await addUser(database, accountId, { username: 'carol' })
    const digest = digestToken('secret')
    const key = made(
      await transact(database, (tx) =>
        createApiKey(tx, { actor: systemActor, userId: user.id, name: 'x', digest }),
      ),
    )
    const seq = await lastChange(database)
    uses.used(key.id, home, someTime)
    await uses.flush()
    const now = () => findApiKeyView(database, accountId, key.id)
    expect(await now()).toMatchObject({
      lastUsedAt: someTime,
      lastUsedSource: '192.0.2.7',
      version: 1,
    })
    await transact(database, (tx) =>
      writeKeyUses(tx, [{ id: key.id, at: someTime - 1, source: '198.51.100.1' }]),
    )
    expect(await now()).toMatchObject({ lastUsedAt: someTime, lastUsedSource: '192.0.2.7' })
    expect(await findChangesSince(database, seq)).toEqual([])
  })

  it('is written once a minute at most, then the latest', async () => {
    const { clock, uses, written } = await withUses()
    uses.used('a', home, clock.at)
    await uses.flush()
    for (let second = 1; second <= 59; second++) {
      clock.at = someTime + second * 1000
      uses.used('a', away, clock.at)
      await uses.flush()
    }
    expect(written).toEqual([{ id: 'a', at: someTime, source: '192.0.2.7' }])
    clock.at = someTime + 60_000
    await uses.flush()
    expect(written.slice(1)).toEqual([{ id: 'a', at: someTime + 59_000, source: '203.0.113.7' }])
    await uses.flush()
    expect(written).toHaveLength(2)
  })

  it('is written also when the clock was set back (I8)', async () => {
    const { clock, uses, written } = await withUses()
    uses.used('a', home, clock.at)
    await uses.flush()
    clock.at -= 3_600_000
    uses.used('a', home, clock.at)
    await uses.flush()
    expect(written.map(({ at }) => at)).toEqual([someTime, someTime - 3_600_000])
  })

  it('is written by itself, and all of it at the end', async () => {
    const { uses, written } = await withUses()
    uses.used('a', home, someTime)
    await expect.poll(() => written, { timeout: 20_000 }).toHaveLength(1)
    uses.used('a', home, someTime + 1)
    await uses.stop()
    expect(written.map(({ at }) => at)).toEqual([someTime, someTime + 1])
  })

  it('waits while it cannot be written, and is told of', async () => {
    const { uses, written, errors, trouble } = await withUses()
    trouble.isOn = true
    for (let key = 0; key < 450; key++) uses.used(`key ${key}`, home, someTime)
    await uses.flush()
    expect([written.length, errors.length]).toEqual([0, 1])
    trouble.isOn = false
    await uses.flush()
    expect(new Set(written.map(({ id }) => id)).size).toBe(450)
    expect(written).toHaveLength(450)
    await uses.stop()
  })

  it('takes bounded memory: those that wait stay, others make room', async () => {
    const { uses, written } = await withUses(2)
    for (const key of ['a', 'b', 'c']) uses.used(key, home, someTime)
    await uses.flush()
    expect(written.map(({ id }) => id)).toEqual(['a', 'b'])
    uses.used('d', home, someTime)
    await uses.flush()
    expect(written.map(({ id }) => id)).toEqual(['a', 'b', 'd'])
  })
})
