import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { transact } from '../../db/database.ts'
import { findPrincipalById } from '../../db/principals.ts'
import { systemActor } from '../../db/record.ts'
import { previewSafelist, type LiveSource } from '../../db/safelist-preview.ts'
import { replaceSafelist } from '../../db/safelists.ts'
import { addSource, type Source } from '../../db/source-rows.ts'
import { address, sourceGroup } from '../../policies/address.ts'
import { covers, type WrittenEntry } from '../../policies/safelist.ts'
import {
  addAccount,
  addUser,
  made,
  someTime,
  temporaryDatabase,
  type Clock,
} from '../support/database.ts'

const day = 86_400_000

const sourceOf = (userId: string, source: string, more: Partial<Source> = {}): Source => ({
  userId,
  channel: 'http',
  source,
  sourceGroup: sourceGroup(address(source)),
  outcome: 'permitted',
  reason: '',
  firstAt: someTime - day,
  lastAt: someTime - day,
  count: 1,
  ...more,
})

const withUser = async (safelist: readonly WrittenEntry[] = []) => {
  const clock: Clock = { at: someTime }
  const database = await temporaryDatabase(clock)
  const { id: accountId } = await addAccount(database)
  const { id: userId } = await addUser(database, accountId, { username: 'alice', safelist })
  const seen = (source: string, more?: Partial<Source>) =>
    transact(database, (tx) => addSource(tx, sourceOf(userId, source, more)))
  const save = async (entries: readonly WrittenEntry[]) =>
    made(
      await transact(database, (tx) =>
        replaceSafelist(tx, { actor: systemActor, userId, entries }),
      ),
    )
  const preview = (
    entries: readonly WrittenEntry[],
    live: readonly LiveSource[] = [],
    client?: string,
  ) => previewSafelist(database, { accountId, userId, entries, live, client })
  return { clock, database, accountId, userId, seen, save, preview }
}

describe('the preview of a safelist (U18)', () => {
  it('names the sources of the last 30 days that would be cut off, over all channels', async () => {
    const { seen, preview } = await withUser()
    await seen('192.0.2.7')
    await seen('203.0.113.7', { count: 3 })
    await seen('203.0.113.7', { channel: 'smpp', count: 4, lastAt: someTime })
    expect(await preview([{ range: '192.0.2.9/24' }])).toMatchObject({
      ranges: ['192.0.2.0/24'],
      notes: [{ path: 'entries.0.range' }],
      sources: [{ source: '203.0.113.7', channels: ['smpp', 'http'], lastAt: someTime, count: 7 }],
    })
  })

  it.each<readonly [string, string, Partial<Source>]>([
    ['was last seen 31 days ago', '203.0.113.7', { lastAt: someTime - 31 * day }],
    ['was refused', '203.0.113.7', { outcome: 'refused', reason: 'secret-wrong' }],
    ['is covered', '192.0.2.7', {}],
    ['is covered in another spelling', '2001:db8::1', {}],
  ])('does not name a source that %s', async (_, source, more) => {
    const { seen, preview } = await withUser()
    await seen(source, more)
    const entries = [{ range: '192.0.2.0/24' }, { range: '2001:0DB8:0:0::/64' }]
    expect(await preview(entries)).toMatchObject({ sources: [] })
  })

  it('does not name what the list of now keeps out already', async () => {
    const { seen, preview } = await withUser([{ range: '192.0.2.0/24' }])
    await seen('203.0.113.7')
    await seen('192.0.2.7')
    const { sources, live } = made(
      await preview([{ range: '198.51.100.0/24' }], [{ source: '203.0.113.7' }]),
    )
    expect(sources.map(({ source }) => source)).toEqual(['192.0.2.7'])
    expect(live).toEqual([])
  })

  it('names live objects, and those whose address cannot be read', async () => {
    const { preview } = await withUser()
    const live = [
      { source: '192.0.2.7', kind: 'bind' },
      { source: '203.0.113.7', kind: 'session' },
      { source: null, kind: 'http' },
    ]
    expect(await preview([{ range: '192.0.2.0/24' }], live)).toMatchObject({
      live: [{ kind: 'session' }, { kind: 'http' }],
    })
    expect(await preview([], live)).toMatchObject({ live: [], sources: [] })
  })

  it('says whether who asks is covered', async () => {
    const { preview } = await withUser()
    const entries = [{ range: '192.0.2.0/24', expiresAt: someTime + 1 }]
    expect(await preview(entries, [], '192.0.2.7')).toHaveProperty('coversClient', true)
    expect(await preview(entries, [], '203.0.113.7')).toHaveProperty('coversClient', false)
    expect(await preview(entries)).toHaveProperty('coversClient', false)
    expect(await preview([])).toHaveProperty('coversClient', true)
  })

  it('names all bad entries at once', async () => {
    const { preview } = await withUser()
    expect(await preview([{ range: '10.1' }, { range: '10.0.0.1' }, { range: '*' }])).toMatchObject(
      {
        faults: [{ path: 'entries.0.range' }, { path: 'entries.2.range' }],
      },
    )
  })

  it('knows nobody of another account', async () => {
    const { database, userId } = await withUser()
    const { id: accountId } = await addAccount(database, 'other')
    const asked = { accountId, userId, entries: [], live: [], client: undefined }
    expect(await previewSafelist(database, asked)).toEqual({ refused: 'user-unknown' })
  })

  it('is right: when it is saved then, exactly these are refused', async () => {
    const { database, userId, seen, save, preview } = await withUser()
    const octet = fc.constantFrom(0, 1, 127, 128, 255)
    const four = fc.tuple(octet, octet).map(([a, b]) => `192.0.${a}.${b}`)
    const six = fc.tuple(octet, octet).map(([a, b]) => `2001:db8:${a.toString(16)}::${b}`)
    const place = fc.oneof(four, six)
    const entry = fc.record({
      range: fc
        .tuple(place, fc.integer({ min: 0, max: 32 }))
        .map(([text, bits]) => `${text}/${text.includes(':') ? 128 - bits : 32 - bits}`),
      expiresAt: fc.constantFrom(null, someTime, someTime + 1),
    })
    const list = fc.uniqueArray(entry, { maxLength: 3, selector: ({ range }) => range })
    const places = fc.sample(place, { numRuns: 60, seed: 7 }).map((source) => address(source).text)
    for (const source of new Set(places)) await seen(source)
    const allowed = async () => {
      const { user } = (await findPrincipalById(database, userId))!
      return new Set(places.filter((it) => covers(user.safelist, address(it), someTime)))
    }
    const judge = async (entries: readonly WrittenEntry[]) => {
      const told = await preview(entries)
      if ('faults' in told) return
      const before = await allowed()
      await save(entries)
      const after = await allowed()
      const cut = [...before].filter((source) => !after.has(source))
      expect(
        made(told)
          .sources.map(({ source }) => source)
          .toSorted(),
      ).toEqual(cut.toSorted())
    }
    await fc.assert(fc.asyncProperty(list, judge), { numRuns: 100, seed: 7 })
  })
})
