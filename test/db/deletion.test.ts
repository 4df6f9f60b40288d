import { describe, expect, it } from 'vitest'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { setDeletionRequested } from '../../db/deletion.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor } from '../../db/record.ts'
import { addAccount, addUser, someTime, temporaryDatabase } from '../support/database.ts'

const withUser = async () => {
  const clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const { id: accountId } = await addAccount(database)
  const user = await addUser(database, accountId, { username: 'alice' })
  const of = { actor: systemActor, accountId, userId: user.id }
  const set = (requested: boolean, more: { accountId?: string; version?: number } = {}) =>
    transact(database, (tx) => setDeletionRequested(tx, { ...of, requested, ...more }))
  return { clock, database, user, set }
}

describe('a request for deletion (U3)', () => {
  it('marks the user once, as news and audit, and changes nothing else', async () => {
    const { clock, database, user, set } = await withUser()
    const seq = await lastChange(database)
    expect(await set(true)).toMatchObject({
      changed: true,
      user: { deletionRequestedAt: someTime, enabled: true, version: 2 },
    })
    clock.at += 1000
    expect(await set(true)).toMatchObject({
      changed: false,
      user: { deletionRequestedAt: someTime },
    })
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'profile', userId: user.id },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'user.deletion-requested',
      after: `{"deletionRequestedAt":${someTime}}`,
    })
  })

  it('is taken back', async () => {
    const { database, set } = await withUser()
    await set(true)
    expect(await set(false)).toMatchObject({ changed: true, user: { deletionRequestedAt: null } })
    expect(await set(false)).toMatchObject({ changed: false })
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'user.deletion-withdrawn',
    })
  })

  it('is refused for a stale version and for another account', async () => {
    const { database, set } = await withUser()
    expect(await set(true, { version: 2 })).toEqual({ refused: 'stale' })
    const { id: accountId } = await addAccount(database, 'other')
    expect(await set(true, { accountId })).toEqual({ refused: 'user-unknown' })
  })
})
