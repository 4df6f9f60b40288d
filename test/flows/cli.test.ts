import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { closeDatabase, openDatabase, transact, type Database } from '../../db/database.ts'
import { recordLock } from '../../db/locks.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { createSystem } from '../../gateway/system.ts'
import { runCli, serveCli } from '../support/cli.ts'
import { sqliteOf, temporaryFolder } from '../support/database.ts'
import { bestOfThree } from '../support/best-of-three.ts'
import { basic } from '../support/gateway.ts'
import { startUpstream } from '../support/upstream.ts'
import { alicesPassword, usedFolder } from '../support/used-folder.ts'

const right = alicesPassword

type World = { readonly dataDir: string; readonly database: Database; readonly userId: string }

/** A used data folder, and a handle on it that is not the program's. */
const openWorld = async (): Promise<World> => {
  const dataDir = await usedFolder()
  const file = join(dataDir, 'sallyport.db')
  const database = await openDatabase({ file, ...createSystem() })
  onTestFinished(() => closeDatabase(database).catch(() => undefined))
  const alice = await findUserByName(database, 'alice')
  return { dataDir, database, userId: alice?.id ?? '' }
}

const lockAlice = ({ database, userId }: World): Promise<void> => {
  const now = Date.now()
  const lock = {
    ...{ bucket: 'unknown', lockedAt: now, lockedUntil: now + 900_000, locks: 1, consecutive: 5 },
    ...{ channels: ['http' as const], sources: ['198.51.100.7'] },
  }
  return transact(database, (tx) => recordLock(tx, { userId, lock }))
}

test('users are listed and shown, to people and to machines', async () => {
  const world = await openWorld()
  const env = { DATA_DIR: world.dataDir }
  await lockAlice(world)
  const list = await runCli(['user', 'list', '--json'], env)
  expect(list).toMatchObject({ code: 0, err: '' })
  const users = list.out.trim().split('\n')
  expect(users.map((line) => (JSON.parse(line) as { username: string }).username)).toEqual([
    'alice',
    'root',
  ])
  const shown = await runCli(['--json', 'user', 'show', 'ALICE'], env)
  expect(JSON.parse(shown.out)).toMatchObject({
    ...{ username: 'alice', email: 'alice@example.com', status: 'locked', enabled: true },
    ...{ safelistSize: 2, roles: [{ name: 'API user' }], apiAccess: { http: true, smpp: false } },
    lock: { buckets: [{ source: 'unknown', failures: 5, channels: ['http'] }] },
  })
  expect(shown.out).not.toContain('argon2')
  expect((await runCli(['user', 'show', 'alice'], env)).out).toMatch(/^status +locked$/m)
  const searched = await runCli(['user', 'list', '--search', 'ROO'], env)
  expect(searched.out).toMatch(/^root +active/)
  expect((await runCli(['user', 'list', '--status', 'disabled'], env)).out).toBe('')
})

test('what is refused or not there ends with 1 and one line, what is no command with 2', async () => {
  const { dataDir } = await openWorld()
  const env = { DATA_DIR: dataDir }
  for (const [args, code, line] of [
    [['user', 'show', 'nobody'], 1, /^there is no user "nobody"\n$/],
    [['user', 'disable', 'root'], 1, /^root is the last active Account admin .*\n$/],
    [['user', 'list', '--status', 'odd'], 2, /status/],
    [['user', 'frobnicate'], 2, /unknown command/],
    [['frobnicate'], 2, /unknown command 'frobnicate'/],
    [['explain', '--username', 'alice'], 2, /--source/],
    [['explain', '--decision', 'x'], 1, /^no refusal has the id "x".*\n$/],
  ] as const) {
    const ran = await runCli(args, env)
    expect(ran).toMatchObject({ code, out: '' })
    expect(ran.err).toMatch(line)
  }
  const elsewhere = join(dataDir, 'none')
  const lost = await runCli(['user', 'list'], { DATA_DIR: elsewhere })
  expect(lost).toMatchObject({ code: 1, out: '' })
  expect(lost.err).toMatch(/^DATA_DIR .*there is no database here.*\n$/)
  expect(existsSync(elsewhere)).toBe(false)
})

test('what the command line changes is in force at a running gateway within a second', async () => {
  const world = await openWorld()
  const upstream = await startUpstream()
  onTestFinished(upstream.stop)
  const env = { DATA_DIR: world.dataDir, HTTP_UPSTREAM: upstream.url }
  const gateway = await serveCli(env)
  const call = async (password: string): Promise<number> =>
    (await fetch(gateway.url, { headers: { authorization: basic('alice', password) } })).status
  /** How long it takes until a call is answered so. */
  const seen = async (status: number, password: string): Promise<number> => {
    const from = performance.now()
    while ((await call(password)) !== status) continue
    return performance.now() - from
  }
  const user = (...args: string[]) => runCli(['user', ...args, 'alice'], env)

  expect(await call(right)).toBe(200)
  await bestOfThree(1_000, async () => {
    expect(await user('disable')).toMatchObject({ code: 0, out: 'alice is disabled\n' })
    const disabledMs = await seen(401, right)
    expect(await user('enable')).toMatchObject({ code: 0, out: 'alice is enabled\n' })
    return Math.max(disabledMs, await seen(200, right))
  })

  const next = 'umbrella kettle orbit'
  expect(await runCli(['user', 'password', 'alice'], env, `${next}\n`)).toMatchObject({ code: 0 })
  await seen(401, right)
  expect(await call(next)).toBe(200)

  // The gateway's own counters locked it, and are cleared from here.
  for (let at = 0; at < 5; at++) expect(await call(`guess ${at}`)).toBe(401)
  expect(await call(next)).toBe(401)
  expect(await user('unlock')).toMatchObject({ code: 0, out: 'alice is unlocked\n' })
  await seen(200, next)
  expect((await gateway.end('SIGTERM')).code).toBe(0)
  expect((await runCli(['events', 'verify'], env)).code).toBe(0)
})

test.each([
  ['too short', 'short\n', /at least 12 characters/],
  ['easy to guess', 'password1234\n', /easy to guess/],
  ['of the name', 'alice@example.com\n', /easy to guess/],
  ['too long', `${'long '.repeat(60)}\n`, /at most 256 bytes/],
  ['endless', 'x'.repeat(100_000), /at most 256 bytes/],
  ['not UTF-8', Buffer.from([0xc3, 0x28, 0x0a]), /UTF-8/],
  ['of two lines', 'umbrella kettle\norbit meadow\n', /control characters/],
  ['not there', '', /standard input/],
])('a password that is %s is refused, and the old one stays', async (_, input, line) => {
  const { dataDir, database } = await openWorld()
  const hashes = () =>
    sqliteOf(database)
      .connections.reader.prepare('select password_hash from users order by id')
      .all()
  const before = hashes()
  const ran = await runCli(['user', 'password', 'alice'], { DATA_DIR: dataDir }, input)
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(ran.err).toMatch(line)
  expect(ran.err.trimEnd().split('\n')).toHaveLength(1)
  expect(hashes()).toEqual(before)
})

test('an attempt is explained, and a refusal by the id that it carried', async () => {
  const { dataDir } = await openWorld()
  const env = { DATA_DIR: dataDir, HTTP_UPSTREAM: 'http://127.0.0.1:9' }
  const explain = (...args: string[]) => runCli(['explain', ...args], env)
  const imagined = await explain('--username', 'alice', '--source', '192.0.2.1', '--json')
  expect(JSON.parse(imagined.out)).toMatchObject({
    ...{ effect: 'refuse', reason: 'source-not-safelisted' },
    rules: expect.arrayContaining([
      { rule: 'userIsKnown', outcome: 'passed', because: null },
      { rule: 'sourceIsSafelisted', outcome: 'refuse', because: 'source-not-safelisted' },
    ]) as unknown,
  })
  const gateway = await serveCli(env)
  const refused = await fetch(gateway.url, { headers: { authorization: basic('root', 'guess') } })
  expect((await gateway.end('SIGTERM')).code).toBe(0)
  const id = refused.headers.get('x-sallyport-decision') ?? ''
  const found = await explain('--decision', id, '--json')
  expect(JSON.parse(found.out)).toMatchObject({
    ...{ effect: 'refuse', reason: 'basic-not-allowed' },
    decision: { id, reason: 'basic-not-allowed', username: 'root', target: 'GET /', count: 1 },
  })
  expect((await explain('--decision', id)).out).toMatch(/^then: refuse, basic-not-allowed$/m)
})

test('events are verified and exported, and a changed one is named', async () => {
  const { dataDir, database } = await openWorld()
  const env = { DATA_DIR: dataDir }
  const verified = await runCli(['events', 'verify', '--json'], env)
  expect(JSON.parse(verified.out)).toEqual({ ok: true, rows: 3 })
  const lines = (await runCli(['events', 'export', '--json', '--after', '1'], env)).out
  expect(
    lines
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toMatchObject([
    { seq: 2, action: 'user.created', username: 'root', after: { username: 'root' } },
    { seq: 3, action: 'user.created', username: 'alice' },
  ])
  const csv = (await runCli(['events', 'export'], env)).out
  expect(csv.split('\r\n')).toHaveLength(5)
  expect(csv).toMatch(/^seq,id,at,action,/)
  const { writer } = sqliteOf(database).connections
  writer.exec(
    "drop trigger events_refuse_update; update events set username = 'mallory' where seq = 3",
  )
  const broken = await runCli(['events', 'verify'], env)
  expect(broken).toMatchObject({ code: 1 })
  expect(broken.err).toMatch(/^the audit is broken at row 3 \(changed\), after 2 sound ones\n$/)
})

test('a backup is whole, is never written over, and starts with the key beside it', async () => {
  const { dataDir } = await openWorld()
  const elsewhere = temporaryFolder()
  const file = join(elsewhere, 'sallyport.db')
  const env = { DATA_DIR: dataDir }
  const backup = await runCli(['backup', file, '--json'], env)
  expect(backup).toMatchObject({ code: 0, err: '' })
  expect(JSON.parse(backup.out)).toEqual({ file, bytes: readFileSync(file).length })
  expect(await runCli(['backup', file], env)).toMatchObject({ code: 1 })
  const nowhere = await runCli(['backup', join(elsewhere, 'no', 'where')], env)
  expect(nowhere.err).toMatch(/^cannot write the backup .*: its folder is not there\n$/)
  writeFileSync(
    join(elsewhere, 'installation.key'),
    readFileSync(join(dataDir, 'installation.key')),
  )
  expect(await runCli(['events', 'verify'], { DATA_DIR: elsewhere })).toMatchObject({ code: 0 })
})

test('setup makes the first admin of a new folder, once', async () => {
  const dataDir = join(temporaryFolder(), 'new', 'folder')
  const env = { DATA_DIR: dataDir }
  const setup = (username: string, password: string) =>
    runCli(['setup', '--username', username, '--email', 'boss@example.com'], env, password)
  const faulty = await setup('a b', 'umbrella kettle orbit\n')
  expect(faulty.err).toMatch(/^username: takes 3 to 64 printable/)
  expect(await setup('boss', 'umbrella kettle orbit\n')).toMatchObject({ code: 0 })
  const shown = await runCli(['user', 'show', 'boss', '--json'], env)
  expect(JSON.parse(shown.out)).toMatchObject({
    roles: [{ name: 'Account admin' }, { name: 'Platform operator' }],
  })
  const again = await setup('other', 'umbrella kettle orbit\n')
  expect(again).toMatchObject({ code: 1 })
  expect(again.err).toMatch(/^there are users already/)
})
