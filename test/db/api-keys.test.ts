import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  createApiKey,
  findApiKey,
  rotateApiKey,
  setApiKeyEnabled,
  type NewApiKey,
} from '../../db/api-keys.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { address } from '../../policies/address.ts'
import { holds } from '../../policies/permissions.ts'
import { closedSafelist, covers } from '../../policies/safelist.ts'
import {
  addAccount,
  addUser,
  byHand,
  type Clock,
  made,
  someTime,
  temporaryDatabase,
} from '../support/database.ts'

const actor = systemActor
const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

const withKey = async (more: Partial<NewApiKey> = {}) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const account = await addAccount(database)
  const user = await addUser(database, account.id, { username: 'carol' })
  const key = made(
    await transact(database, (tx) =>
      createApiKey(tx, {
        actor,
        userId: user.id,
        name: 'billing',
        digest: digestOf('one'),
        ...more,
      }),
    ),
  )
  return { clock, database, account, user, key }
}

describe('an API key', () => {
  it('is found by the digest of its secret, with its owner', async () => {
    const { database, account, user, key } = await withKey()
    expect(await findApiKey(database, digestOf('one'))).toMatchObject({
      id: key.id,
      name: 'billing',
      userId: user.id,
      accountId: account.id,
      facts: { enabled: true },
      validUntil: undefined,
      broken: undefined,
    })
    expect(await findApiKey(database, digestOf('two'))).toBeUndefined()
    expect(key).not.toHaveProperty('digest')
  })

  it('carries its window, addresses and permissions as the policy reads them', async () => {
    const { database } = await withKey({
      safelist: [{ range: '192.0.2.0/24' }],
      permissions: ['sms/send'],
      notBefore: someTime - 1,
      expiresAt: someTime + 1,
    })
    const { facts } = (await findApiKey(database, digestOf('one')))!
    expect(facts).toMatchObject({ notBefore: someTime - 1, expiresAt: someTime + 1 })
    expect(covers(facts.safelist, address('192.0.2.7'), someTime)).toBe(true)
    expect(covers(facts.safelist, address('203.0.113.7'), someTime)).toBe(false)
    expect(holds(facts.permissions!, 'sms/send')).toBe(true)
    expect(holds(facts.permissions!, 'users/view')).toBe(false)
  })

  it('without a list and permissions of its own takes nothing from the user', async () => {
    const { database } = await withKey()
    const { facts } = (await findApiKey(database, digestOf('one')))!
    expect(facts.safelist.allowsAll).toBe(true)
    expect(facts).not.toHaveProperty('permissions')
  })

  it('lets nobody in when its list was broken by hand', async () => {
    const { database } = await withKey({ safelist: [{ range: '192.0.2.0/24' }] })
    await byHand(database, `update api_keys set safelist = '["192.0.2.0/33"]'`)
    const found = await findApiKey(database, digestOf('one'))
    expect(found?.facts.safelist).toBe(closedSafelist)
    expect(found?.broken).toEqual(expect.any(String))
  })

  it('is not made with a bad list, or for nobody', async () => {
    const { database, user } = await withKey()
    const create = (more: Partial<NewApiKey>) =>
      transact(database, (tx) =>
        createApiKey(tx, { actor, userId: user.id, name: 'x', digest: digestOf('two'), ...more }),
      )
    expect(await create({ safelist: [{ range: '10.1' }] })).toMatchObject({
      faults: [{ path: 'entries.0.range' }],
    })
    expect(await create({ userId: 'nobody' })).toEqual({ refused: 'user-unknown' })
  })

  it('is disabled, as news', async () => {
    const { database, user, key } = await withKey()
    const seq = await lastChange(database)
    await transact(database, (tx) => setApiKeyEnabled(tx, { actor, id: key.id, enabled: false }))
    expect((await findApiKey(database, digestOf('one')))?.facts.enabled).toBe(false)
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'api-key', userId: user.id },
    ])
    const nobody = transact(database, (tx) =>
      setApiKeyEnabled(tx, { actor, id: 'x', enabled: false }),
    )
    expect(await nobody).toBeUndefined()
  })

  it('is good under both secrets while a rotation overlaps', async () => {
    const { clock, database, key } = await withKey()
    const rotate = (secret: string, overlapMs: number) =>
      transact(database, (tx) =>
        rotateApiKey(tx, { actor, id: key.id, digest: digestOf(secret), overlapMs }),
      )
    await rotate('two', 1000)
    expect((await findApiKey(database, digestOf('two')))?.validUntil).toBeUndefined()
    expect((await findApiKey(database, digestOf('one')))?.validUntil).toBe(someTime + 1000)
    clock.at += 1000
    expect(await findApiKey(database, digestOf('one'))).toBeUndefined()
    await rotate('three', 0)
    expect(await findApiKey(database, digestOf('two'))).toBeUndefined()
    expect((await findApiKey(database, digestOf('three')))?.id).toBe(key.id)
  })
})
