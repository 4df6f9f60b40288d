import { describe, expect, it } from 'vitest'
import { accountSettings } from '../../db/account-settings.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { systemActor, type Actor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { countSessions, findSessionPage, pruneSessions } from '../../db/session-lists.ts'
import { createSession, endSessionsOf, findSession, type NewSession } from '../../db/sessions.ts'
import { setUserEnabled } from '../../db/users.ts'
import {
  addAccount,
  addUser,
  made,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const actor: Actor = { channel: 'web', source: '192.0.2.7' }
const settings = accountSettings.parse({})
const minute = 60_000
const hour = 60 * minute

const withSession = async () => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const { id: accountId } = await addAccount(database)
  const user = await addUser(database, accountId, { username: 'alice' })
  let number = 0
  const open = async (other: Partial<NewSession> = {}) =>
    made(
      await transact(database, (tx) =>
        createSession(tx, {
          actor,
          userId: user.id,
          kind: 'web',
          digest: digestToken(`token ${number++}`),
          lifeMs: 24 * hour,
          ...other,
        }),
      ),
    )
  const session = await open()
  const ids = async (other: { userId?: string; after?: string; limit?: number } = {}) =>
    (await findSessionPage(database, { accountId, settings, limit: 10, ...other })).map(
      ({ id }) => id,
    )
  return { clock, database, accountId, user, session, open, ids }
}

describe('all sessions of a user', () => {
  it('end together, but for the own one and other kinds', async () => {
    const { database, accountId, user, session, open, ids } = await withSession()
    const token = await open({ kind: 'token' })
    const bearer = await open({ kind: 'bearer' })
    const other = await addUser(database, accountId, { username: 'bob' })
    const ofBob = await open({ userId: other.id })
    const end = (more: object = {}) =>
      transact(database, (tx) =>
        endSessionsOf(tx, { actor, userId: user.id, reason: 'password-changed', ...more }),
      )
    const seq = await lastChange(database)
    expect(await end({ except: session.id, kinds: ['web', 'token'] })).toEqual({ ended: 1 })
    expect(await ids()).toEqual([session.id, bearer.id, ofBob.id])
    expect(await ids({ userId: user.id })).not.toContain(token.id)
    expect(await end()).toEqual({ ended: 2 })
    expect(await end()).toEqual({ ended: 0 })
    expect(await ids()).toEqual([ofBob.id])
    expect((await findChangesSince(database, seq)).map(({ kind }) => kind)).toEqual([
      'session',
      'session',
    ])
    expect(await end({ userId: 'x' })).toEqual({ refused: 'user-unknown' })
  })
})

describe('the list of live sessions (U17)', () => {
  it('goes by age within one account, and counts', async () => {
    const { database, accountId, user, session, open, ids } = await withSession()
    const second = await open()
    expect(await ids()).toEqual([session.id, second.id])
    expect(await ids({ limit: 1 })).toEqual([session.id])
    expect(await ids({ after: session.id })).toEqual([second.id])
    expect(await countSessions(database, { accountId, settings })).toBe(2)
    const { id: other } = await addAccount(database, 'other')
    expect(await findSessionPage(database, { accountId: other, settings, limit: 5 })).toEqual([])
    const [view] = await findSessionPage(database, { accountId, settings, limit: 1 })
    expect(view).toMatchObject({ username: 'alice', kind: 'web', source: '192.0.2.7' })
    expect(view).not.toHaveProperty('digest')
    await transact(database, (tx) =>
      setUserEnabled(tx, { actor: systemActor, userId: user.id, enabled: false }),
    )
    expect(await ids()).toEqual([])
  })

  it('shows none that is idle or over, as the decision sees it', async () => {
    const { clock, session, open, ids } = await withSession()
    const bearer = await open({ kind: 'bearer', lifeMs: 2 * hour })
    clock.at += 60 * minute - 1
    expect(await ids()).toEqual([session.id, bearer.id])
    clock.at += 1
    expect(await ids()).toEqual([bearer.id])
    clock.at += 60 * minute
    expect(await ids()).toEqual([])
  })

  it('lets go of what is long over, so many at a time', async () => {
    const { clock, database, open } = await withSession()
    await open()
    const late = await open({ lifeMs: 48 * hour })
    clock.at += 25 * hour
    const prune = (limit: number) =>
      transact(database, (tx) => pruneSessions(tx, { before: clock.at, limit }))
    expect([await prune(1), await prune(5), await prune(5)]).toEqual([1, 1, 0])
    expect(await findSession(database, digestToken('token 0'))).toBeUndefined()
    expect(await findSession(database, digestToken('token 2'))).toHaveProperty('id', late.id)
  })
})
