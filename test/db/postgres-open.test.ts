import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { verifyEvents } from '../../db/chain-verification.ts'
import { closeDatabase, openDatabase } from '../../db/database.ts'
import { readMigrations } from '../../db/migrate.ts'
import { ended, startChild } from '../support/child.ts'
import { addAccount, placeOf, temporaryDatabase } from '../support/database.ts'
import { emptyPostgres, runOnPostgres } from '../support/postgres.ts'

const open = (url: string) => openDatabase({ url, now: Date.now, random: randomBytes })

const countOf = async (url: string, table: string): Promise<unknown> =>
  (await runOnPostgres(url, `select count(*)::int from ${table}`)).rows[0]?.[0]

describe('a database on a server', () => {
  it('is migrated once by nodes that start together, and they have one key', async () => {
    const url = await emptyPostgres()
    const children = [1, 2, 3, 4].map(() => startChild(url, 'open'))
    expect(await Promise.all(children.map(ended))).toEqual([0, 0, 0, 0])
    expect(await countOf(url, '__drizzle_migrations')).toBe(readMigrations('postgres').length)
    const [one, other] = [await open(url), await open(url)]
    expect(other.key).toEqual(one.key)
    await Promise.all([closeDatabase(one), closeDatabase(other)])
  })

  it('keeps its rows and its key when opened again', async () => {
    const database = await temporaryDatabase()
    await addAccount(database)
    await closeDatabase(database)
    const again = await temporaryDatabase(undefined, placeOf(database))
    expect(again.key).toEqual(database.key)
    expect(await verifyEvents(again)).toEqual({ ok: true, rows: 1 })
  })

  it('sorts by bytes whatever the language of the server', async () => {
    const url = await emptyPostgres("locale_provider icu icu_locale 'en'")
    await closeDatabase(await open(url))
    await runOnPostgres(
      url,
      `insert into meta (key, value) values ('a', ''), ('B', ''), ('_', ''), ('c', '')`,
    )
    const { rows } = await runOnPostgres(
      url,
      'select key from meta where length(key) = 1 order by key',
    )
    expect(rows.flat()).toEqual(['B', '_', 'a', 'c'])
  })
})

describe('a database that cannot be used', () => {
  const rows: readonly (readonly [what: string, why: RegExp, before: string, after: string])[] = [
    [
      "is a newer version's",
      /newer version/,
      '',
      "insert into __drizzle_migrations (hash, created_at) values ('x', 1)",
    ],
    [
      'has another schema',
      /its schema is not the one of this version/,
      '',
      "update __drizzle_migrations set hash = 'x' where id = 1",
    ],
    ["is another program's", /"users" already exists/, 'create table users (name text)', ''],
    [
      'lost its key',
      /the installation's key in `meta` is damaged/,
      '',
      "update meta set value = 'short' where key = 'installation.key'",
    ],
  ]
  it.each(rows)(
    'is refused in one line when it %s, and left as it is',
    async (_, why, before, after) => {
      const url = await emptyPostgres()
      if (before !== '') await runOnPostgres(url, before)
      else await closeDatabase(await open(url))
      if (after !== '') await runOnPostgres(url, after)
      const tables = "select count(*)::int from pg_tables where schemaname = 'public'"
      const had = (await runOnPostgres(url, tables)).rows
      const opening = open(url)
      await expect(opening).rejects.toThrow(why)
      await expect(opening).rejects.toThrow(/^cannot open the database postgres:[^\n]*$/)
      expect((await runOnPostgres(url, tables)).rows).toEqual(had)
    },
  )

  it('is refused when it cannot hold every letter', async () => {
    const url = await emptyPostgres("encoding 'SQL_ASCII' locale 'C'")
    await expect(open(url)).rejects.toThrow(/its encoding is not UTF8/)
  })

  it('is told without the password', async () => {
    const url = new URL(await emptyPostgres())
    url.password = 'planted-password'
    url.port = '1'
    url.searchParams.set('application_name', 'planted-too')
    const error: unknown = await open(url.href).catch((it: unknown) => it)
    expect(String(error)).toMatch(/cannot open the database .*ECONNREFUSED/)
    expect(String(error)).not.toContain('planted')
  })
})
