import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { runCli, serveCli } from '../support/cli.ts'
import { temporaryFolder } from '../support/database.ts'
import { basic } from '../support/gateway.ts'
import { dropPostgres, emptyPostgres, postgresServer } from '../support/postgres.ts'
import { startUpstream } from '../support/upstream.ts'
import { alicesPassword, usedFolder } from '../support/used-folder.ts'

const isThere = (await postgresServer()) !== undefined

afterAll(dropPostgres, 60_000)

const verified = 'events, unbroken'

describe.skipIf(!isThere)('migrate --from … --to …', () => {
  test('takes a data folder to PostgreSQL, where its users sign in, and back', async () => {
    const dataDir = await usedFolder()
    const url = await emptyPostgres()
    const there = await runCli(['migrate', '--from', dataDir, '--to', url], {})
    expect(there).toMatchObject({ code: 0, err: '' })
    expect(there.out).toMatch(/^\d+ rows were copied; the audit \(\d+ rows\) is unbroken\n$/)

    const upstream = await startUpstream()
    const env = { DATA_DIR: temporaryFolder(), DATABASE_URL: url, HTTP_UPSTREAM: upstream.url }
    expect((await runCli(['events', 'verify'], env)).out).toContain(verified)
    const serving = await serveCli(env)
    const headers = { authorization: basic('alice', alicesPassword) }
    expect((await fetch(`${serving.url}/sms`, { headers })).status).toBe(200)
    expect((await serving.end('SIGTERM')).code).toBe(0)
    await upstream.stop()
    expect(existsSync(join(env.DATA_DIR, 'sallyport.db'))).toBe(false)

    const back = join(temporaryFolder(), 'back')
    const home = await runCli(
      ['migrate', '--from', url, '--to', `sqlite:${back}/sallyport.db`, '--json'],
      {},
    )
    expect(home).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(home.out)).toMatchObject({ rows: { users: 2 }, audit: { ok: true } })
    const keyIn = (folder: string): string =>
      readFileSync(join(folder, 'installation.key'), 'latin1')
    expect(keyIn(back)).toBe(keyIn(dataDir))
    expect((await runCli(['events', 'verify'], { DATA_DIR: back })).out).toContain(verified)
    expect((await runCli(['user', 'show', 'alice'], { DATA_DIR: back })).out).toContain(
      'alice@example.com',
    )
  })

  test('refuses in one line what it cannot do, and changes nothing', async () => {
    const dataDir = await usedFolder()
    const other = await usedFolder()
    const url = await emptyPostgres()
    expect((await runCli(['migrate', '--from', dataDir, '--to', url], {})).code).toBe(0)
    const wrong = new URL(url)
    wrong.password = 'planted-password'
    wrong.port = '1'
    const rows: readonly (readonly [RegExp, ...string[]])[] = [
      [/^the target is not empty \(accounts\); nothing was copied\n$/, dataDir, url],
      [
        /installation\.key is the key of another installation; nothing was changed\n$/,
        dataDir,
        other,
      ],
      [/^the target is not empty/, url, dataDir],
      [/^--from .*: there is no database here\n$/, join(dataDir, 'none.db'), url],
      [/^cannot open the database postgres:.*ECONNREFUSED/, wrong.href, url],
    ]
    for (const [why, from = '', to = ''] of rows) {
      const { code, out, err } = await runCli(['migrate', '--from', from, '--to', to], {})
      expect([code, out, err]).toEqual([1, '', expect.stringMatching(why)])
      expect(err).not.toContain('planted')
    }
    const half = await runCli(['migrate', '--to', url], {})
    expect([half.code, half.err]).toEqual([1, '--from and --to are needed together\n'])
  })

  test('a backup of what is on PostgreSQL is left to pg_dump', async () => {
    const env = { DATA_DIR: temporaryFolder(), DATABASE_URL: await emptyPostgres() }
    const file = join(temporaryFolder(), 'backup.db')
    const { code, err } = await runCli(['backup', file], env)
    expect([code, err]).toEqual([1, expect.stringContaining('pg_dump')])
    expect(existsSync(file)).toBe(false)
  })
})
