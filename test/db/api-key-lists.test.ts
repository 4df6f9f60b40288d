import { describe, expect, it } from 'vitest'
import { editApiKey, issueApiKey } from '../../db/api-key-changes.ts'
import {
  countApiKeys,
  findApiKeyPage,
  findApiKeyView,
  findExpiringApiKeys,
} from '../../db/api-key-lists.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { setUserEnabled } from '../../db/users.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import {
  addAccount,
  addUser,
  made,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const held = compilePermissions(['*'])
const day = 86_400_000

/** Two users, and a key of the first. */
const withKeys = async (draft: { readonly expiresAt?: number } = {}) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const { id: accountId } = await addAccount(database)
  const user = await addUser(database, accountId, { username: 'carol' })
  const admin = await addUser(database, accountId, { username: 'root' })
  const by = { actor: systemActor, accountId, held }
  let number = 0
  const issue = (more: Partial<Parameters<typeof issueApiKey>[1]> = {}) =>
    transact(database, (tx) =>
      issueApiKey(tx, {
        ...by,
        userId: user.id,
        digest: digestToken(`secret ${number++}`),
        draft: { name: 'billing', ...draft },
        ...more,
      }),
    )
  const key = made(await issue())
  const disable = async () => {
    const edit = { ...by, id: key.id, draft: { enabled: false } }
    made(await transact(database, (tx) => editApiKey(tx, edit)))
  }
  return { clock, database, accountId, user, admin, key, issue, disable }
}

describe('lists of keys', () => {
  it('go by age, of an account or a user', async () => {
    const { database, accountId, admin, key, issue } = await withKeys()
    const second = made(await issue({ userId: admin.id }))
    const third = made(await issue())
    const ids = async (more: Partial<Parameters<typeof findApiKeyPage>[1]>) =>
      (await findApiKeyPage(database, { accountId, limit: 2, ...more })).map(({ id }) => id)
    expect(await ids({})).toEqual([key.id, second.id])
    expect(await ids({ after: second.id })).toEqual([third.id])
    expect(await ids({ userId: admin.id })).toEqual([second.id])
    expect(await countApiKeys(database, { accountId })).toBe(3)
    expect(await countApiKeys(database, { accountId, userId: admin.id })).toBe(1)
    expect(await findApiKeyView(database, accountId, key.id)).toMatchObject({ id: key.id })
  })

  it('name those that end soon, the next first, of users who are told', async () => {
    const { database, user, admin, issue, disable, clock } = await withKeys({
      expiresAt: someTime + 3 * day,
    })
    const draft = (days: number) => ({ name: `in ${days} days`, expiresAt: someTime + days * day })
    for (const days of [1, 2, 7, 8]) made(await issue({ draft: draft(days) }))
    made(await issue({ userId: admin.id, draft: draft(5) }))
    await disable()
    const ending = async (more = {}) =>
      (await findExpiringApiKeys(database, { withinMs: 7 * day, limit: 10, ...more })).map(
        ({ name }) => name,
      )
    expect(await ending()).toEqual(['in 1 days', 'in 2 days', 'in 5 days', 'in 7 days'])
    const [first] = await findExpiringApiKeys(database, { withinMs: 7 * day, limit: 1 })
    const after = { expiresAt: first!.expiresAt!, id: first!.id }
    expect(await ending({ after, limit: 1 })).toEqual(['in 2 days'])
    await transact(database, (tx) =>
      setUserEnabled(tx, { actor: { channel: 'cli' }, userId: user.id, enabled: false }),
    )
    expect(await ending()).toEqual(['in 5 days'])
    clock.at += 5 * day
    expect(await ending()).toEqual([])
  })
})
