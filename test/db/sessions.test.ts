import { describe, expect, it } from 'vitest'
import { accountSettings } from '../../db/account-settings.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor, type Actor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import {
  createSession,
  endSession,
  findSession,
  sessionFactsOf,
  writeSessionUses,
  type NewSession,
} from '../../db/sessions.ts'
import { address } from '../../policies/address.ts'
import {
  addAccount,
  addUser,
  byHand,
  made,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const actor: Actor = { channel: 'web', source: '192.0.2.7' }
const settings = accountSettings.parse({})
const minute = 60_000
const hour = 60 * minute

const withSession = async (more: Partial<NewSession> = {}) => {
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
  const session = await open(more)
  const facts = async (of = settings) => {
    const found = await findSession(database, digestToken('token 0'))
    return sessionFactsOf(found!, of, clock.at)
  }
  return { clock, database, accountId, user, session, facts }
}

describe('a session', () => {
  it('is found by the digest of its token, with its user and the epoch', async () => {
    const { database, accountId, user, session } = await withSession({
      kind: 'token',
      boundTo: address('::ffff:192.0.2.7'),
      userAgent: 'x'.repeat(1000),
    })
    const found = await findSession(database, digestToken('token 0'))
    expect(found).toMatchObject({
      id: session.id,
      accountId,
      userId: user.id,
      kind: 'token',
      boundTo: { text: '192.0.2.7' },
      isBroken: false,
      source: '192.0.2.7',
      userAgent: 'x'.repeat(300),
      credentialEpoch: 1,
      userEpoch: 1,
    })
    expect(found).not.toHaveProperty('digest')
    expect(await findSession(database, digestToken('guess'))).toBeUndefined()
  })

  it('is audited without its token, and is no news', async () => {
    const { database, user } = await withSession()
    const event = (await findEventsAfter(database, 0, 100)).at(-1)!
    expect(event).toMatchObject({
      action: 'session.created',
      channel: 'web',
      source: '192.0.2.7',
      userId: user.id,
    })
    expect(event.after).not.toContain(digestToken('token 0'))
    expect((await findChangesSince(database, 0)).map(({ kind }) => kind)).toEqual([
      'account',
      'user',
    ])
  })

  it('is made for nobody who is not there', async () => {
    const { database } = await withSession()
    const creating = transact(database, (tx) =>
      createSession(tx, { actor, userId: 'x', kind: 'web', digest: digestToken('x'), lifeMs: 1 }),
    )
    expect(await creating).toEqual({ refused: 'user-unknown' })
  })

  it('ends when nobody uses it for as long as the account says', async () => {
    const { clock, database, session, facts } = await withSession()
    clock.at = someTime + 60 * minute - 1
    expect(await facts()).toEqual({ ended: false })
    await transact(database, (tx) =>
      writeSessionUses(tx, [{ id: session.id, at: clock.at, source: '203.0.113.7' }]),
    )
    clock.at += 60 * minute - 1
    expect(await facts()).toEqual({ ended: false })
    clock.at += 1
    expect(await facts()).toEqual({ ended: true })
  })

  it('ends at its absolute limit, and at a shorter one that is set later', async () => {
    const { clock, database, session, facts } = await withSession()
    clock.at = someTime + 24 * hour - 1
    await transact(database, (tx) =>
      writeSessionUses(tx, [{ id: session.id, at: clock.at, source: '192.0.2.7' }]),
    )
    expect(await facts()).toEqual({ ended: false })
    const shorter = accountSettings.parse({ sessions: { absoluteHours: 23 } })
    expect(await facts(shorter)).toEqual({ ended: true })
    clock.at += 1
    expect(await facts()).toEqual({ ended: true })
  })

  it('that is a bearer token ends by its own time alone', async () => {
    const { clock, facts } = await withSession({ kind: 'bearer', lifeMs: 3 * hour })
    clock.at += 3 * hour - 1
    expect(await facts()).toEqual({ ended: false })
    clock.at += 1
    expect(await facts()).toEqual({ ended: true })
  })

  it('ends with the secret that it was opened with', async () => {
    const { database, user, facts } = await withSession()
    await transact(database, (tx) =>
      setPassword(tx, { actor: systemActor, userId: user.id, hash: 'new' }),
    )
    expect(await facts()).toEqual({ ended: true })
  })

  it('whose address was broken by hand is of no use', async () => {
    const { database, facts } = await withSession({ boundTo: address('192.0.2.7') })
    expect(await facts()).toMatchObject({ ended: false, boundTo: { text: '192.0.2.7' } })
    await byHand(database, "update sessions set bound_to = '10.1'")
    expect(await facts()).toEqual({ ended: true })
  })

  it('is not brought back by a use that is written late', async () => {
    const { database, accountId, session } = await withSession()
    const end = (id: string, of = accountId) =>
      transact(database, (tx) =>
        endSession(tx, { actor: systemActor, accountId: of, id, reason: 'ended-by-admin' }),
      )
    const { id: other } = await addAccount(database, 'other')
    expect(await end(session.id, other)).toEqual({ refused: 'not-found' })
    const seq = await lastChange(database)
    expect(await end(session.id)).toEqual({ ended: true })
    expect(await end(session.id)).toEqual({ refused: 'not-found' })
    await transact(database, (tx) =>
      writeSessionUses(tx, [{ id: session.id, at: someTime + 1, source: '192.0.2.7' }]),
    )
    expect(await findSession(database, digestToken('token 0'))).toMatchObject({
      endedAt: someTime,
      endReason: 'ended-by-admin',
      lastSeenAt: someTime,
    })
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'session', userId: session.userId },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'session.ended',
      userId: session.userId,
    })
  })
})
