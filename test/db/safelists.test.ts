import { describe, expect, it } from 'vitest'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { transact, type Database } from '../../db/database.ts'
import { findEventsAfter } from '../../db/events.ts'
import { systemActor, type Actor } from '../../db/record.ts'
import { findEntries, replaceSafelist } from '../../db/safelists.ts'
import type { WrittenEntry } from '../../policies/safelist.ts'
import { addAccount, addUser, someTime, temporaryDatabase } from '../support/database.ts'

const withUser = async () => {
  const database = await temporaryDatabase()
  const { id } = await addAccount(database)
  const user = await addUser(database, id, {
    username: 'alice',
    safelist: [{ range: '192.0.2.0/24', description: 'office' }],
  })
  return { database, user }
}

const replace = (
  database: Database,
  userId: string,
  entries: readonly WrittenEntry[],
  actor: Actor = systemActor,
) => transact(database, (tx) => replaceSafelist(tx, { actor, userId, entries }))

const rangesOf = async (database: Database, userId: string) =>
  (await findEntries(database, userId)).map(({ range }) => range)

describe('replacing a safelist (U9)', () => {
  it('keeps what the policy reads, and is news and audit', async () => {
    const { database, user } = await withUser()
    const seq = await lastChange(database)
    const expiresAt = someTime + 1000
    const result = await replace(database, user.id, [
      { range: '203.0.113.7/24', description: 'new office', expiresAt },
      { range: '::ffff:198.51.100.1' },
    ])
    expect(result).toMatchObject({
      entries: [
        { range: '203.0.113.0/24', description: 'new office', expiresAt },
        { range: '198.51.100.1' },
      ],
      notes: [{ path: 'entries.0.range' }, { path: 'entries.1.range' }],
    })
    expect(await findEntries(database, user.id)).toMatchObject([
      { range: '203.0.113.0/24', description: 'new office', expiresAt },
      { range: '198.51.100.1', description: '', expiresAt: null },
    ])
    expect(await findChangesSince(database, seq)).toMatchObject([
      { kind: 'safelist', userId: user.id },
    ])
    expect((await findEventsAfter(database, 0, 100)).at(-1)).toMatchObject({
      action: 'user.safelist-changed',
      before: '[{"range":"192.0.2.0/24","description":"office"}]',
      after: `[{"range":"203.0.113.0/24","description":"new office","expiresAt":${expiresAt}},{"range":"198.51.100.1"}]`,
    })
  })

  it('empties it with an empty list', async () => {
    const { database, user } = await withUser()
    expect(await replace(database, user.id, [])).toEqual({ entries: [], notes: [] })
    expect(await rangesOf(database, user.id)).toEqual([])
  })

  it('takes ten thousand entries, and not one more', async () => {
    const { database, user } = await withUser()
    const entries = Array.from({ length: 10_000 }, (_, index) => ({
      range: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    }))
    expect(await replace(database, user.id, entries)).toHaveProperty('entries')
    expect(await rangesOf(database, user.id)).toHaveLength(10_000)
    const more = [...entries, { range: '192.0.2.1' }]
    expect(await replace(database, user.id, more)).toMatchObject({ faults: [{ path: 'entries' }] })
  })

  it.each([
    ['010.0.0.1', 0],
    ['10.0.0.0/33', 0],
    ['', 0],
    ['*', 0],
  ])('changes nothing when an entry is %j', async (range) => {
    const { database, user } = await withUser()
    const seq = await lastChange(database)
    expect(await replace(database, user.id, [{ range: '192.0.2.1' }, { range }])).toMatchObject({
      faults: [{ path: 'entries.1.range' }],
    })
    expect(await rangesOf(database, user.id)).toEqual(['192.0.2.0/24'])
    expect(await lastChange(database)).toBe(seq)
  })

  const own = (userId: string, source: string | undefined): Actor => ({
    userId,
    channel: 'web',
    source,
  })

  it.each([
    ['the own address is not in it', '192.0.2.7', [{ range: '203.0.113.0/24' }]],
    ['the entry for it has expired', '192.0.2.7', [{ range: '192.0.2.7', expiresAt: someTime }]],
    [
      'the entry for it will expire',
      '192.0.2.7',
      [{ range: '192.0.2.7', expiresAt: someTime * 2 }],
    ],
    ['the own address is not known', undefined, [{ range: '192.0.2.7' }]],
  ])('is refused for the own list when %s (H3)', async (_, source, entries) => {
    const { database, user } = await withUser()
    expect(await replace(database, user.id, entries, own(user.id, source))).toEqual({
      refused: 'safelist-excludes-you',
      clientAddress: source,
    })
    expect(await rangesOf(database, user.id)).toEqual(['192.0.2.0/24'])
  })

  it.each([
    ['covers the own address', [{ range: '192.0.2.0/25' }]],
    ['is empty', []],
  ])('is allowed for the own list when it %s', async (_, entries) => {
    const { database, user } = await withUser()
    const result = await replace(database, user.id, entries, own(user.id, '192.0.2.7'))
    expect(result).toHaveProperty('entries')
  })

  it("demands nothing for another's list", async () => {
    const { database, user } = await withUser()
    const actor = own('somebody else', '192.0.2.7')
    expect(await replace(database, user.id, [{ range: '203.0.113.1' }], actor)).toHaveProperty(
      'entries',
    )
  })

  it('refuses an unknown user', async () => {
    const { database } = await withUser()
    expect(await replace(database, 'nobody', [])).toEqual({ refused: 'user-unknown' })
  })
})
