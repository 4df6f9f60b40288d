import { describe, expect, it } from 'vitest'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor } from '../../db/record.ts'
import { setProfile, type Profile } from '../../db/user-profile.ts'
import { createUser } from '../../db/users.ts'
import { addAccount, addUser, byHand, made, temporaryDatabase } from '../support/database.ts'

const actor = systemActor

const withUser = async () => {
  const database = await temporaryDatabase()
  const { id: accountId } = await addAccount(database)
  const user = await addUser(database, accountId, {
    username: 'alice',
    email: 'alice@example.com',
    firstName: 'Alice',
    mobileNumber: '+41793026727',
  })
  await byHand(database, 'update users set email_verified = (1 = 1), mobile_verified = (1 = 1)')
  const set = (profile: Profile, userId = user.id) =>
    transact(database, (tx) => setProfile(tx, { actor, userId, profile }))
  return { database, accountId, user, set }
}

describe('editing a profile (U3)', () => {
  it('keeps what is written, as news and audit of what differs', async () => {
    const { database, user, set } = await withUser()
    const seq = await lastChange(database)
    const profile = { lastName: 'Liddell', language: 'fr', timeZone: 'Europe/Paris' }
    expect(await set(profile)).toMatchObject({
      ...profile,
      firstName: 'Alice',
      nameKey: 'alice liddell',
      emailVerified: true,
      mobileVerified: true,
      version: 2,
    })
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'profile', userId: user.id },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'user.profile-changed',
      before: '{"lastName":"","language":"en","timeZone":"UTC"}',
      after: '{"lastName":"Liddell","language":"fr","timeZone":"Europe/Paris"}',
    })
    made(await set(profile))
    expect(await findChangesSince(database, seq)).toHaveLength(1)
  })

  it.each<readonly [string, Profile, object]>([
    ['another address', { email: 'a@example.com' }, { emailVerified: false, mobileVerified: true }],
    [
      'another number',
      { mobileNumber: '+491701234567' },
      { emailVerified: true, mobileVerified: false },
    ],
    ['no number', { mobileNumber: null }, { mobileNumber: null, mobileVerified: false }],
    [
      'the same of both',
      { email: 'alice@example.com', mobileNumber: '+41793026727' },
      { emailVerified: true, mobileVerified: true },
    ],
  ])('takes %s for what it is: verified or not', async (_, profile, expected) => {
    const { set } = await withUser()
    expect(await set(profile)).toMatchObject(expected)
  })

  it.each<readonly [string, Profile]>([
    ['mobileNumber', { mobileNumber: '0793026727' }],
    ['mobileNumber', { mobileNumber: '+41 79 302 67 27' }],
    ['mobileNumber', { mobileNumber: '' }],
    ['mobileNumber', { mobileNumber: '+1234567890123456' }],
    ['mobileNumber', { mobileNumber: '+41793026727\n' }],
    ['email', { email: 'a@ex.com,evil@x' }],
    ['email', { email: 'a@ex.com\r\nBcc: x' }],
  ])('names %s as at fault in %j (C3)', async (path, profile) => {
    const { database, accountId, set } = await withUser()
    expect(await set(profile)).toMatchObject({ faults: [{ path }] })
    const { email, mobileNumber } = profile
    const creating = transact(database, (tx) =>
      createUser(tx, {
        actor,
        accountId,
        username: 'bob',
        email,
        mobileNumber: mobileNumber ?? undefined,
      }),
    )
    expect(await creating).toMatchObject({ faults: [{ path }] })
  })

  it('refuses an address that another user of the account has, in any spelling', async () => {
    const { database, accountId, set } = await withUser()
    await addUser(database, accountId, { username: 'bob', email: 'bob@example.com' })
    expect(await set({ email: 'BOB@Example.com' })).toEqual({ refused: 'email-taken' })
    expect(await set({ email: 'ALICE@Example.com' })).toMatchObject({ email: 'ALICE@Example.com' })
    expect(await set({}, 'nobody')).toEqual({ refused: 'user-unknown' })
  })
})
