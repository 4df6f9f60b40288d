import Sqlite from 'better-sqlite3'
import { hash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { runCli, serveCli } from '../support/cli.ts'
import { temporaryFolder } from '../support/database.ts'
import { usedFolder } from '../support/used-folder.ts'

/** A gateway with an upstream that nobody asks, so that no sandbox is made. */
const upstream = { HTTP_UPSTREAM: 'http://127.0.0.1:9' }

/** What each file of a folder holds, in short. */
const bytesIn = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      // The index of the log, made anew by whoever opens it.
      .filter((name) => !name.endsWith('-shm'))
      .map((name) => [name, hash('sha256', readFileSync(join(folder, name)))]),
  )

/** Starts and has to fail: with 1, nothing on standard output, and these lines on the other. */
const failsWith = async (
  env: Readonly<Record<string, string>>,
  ...lines: readonly RegExp[]
): Promise<void> => {
  const ran = await runCli(['serve'], { ...upstream, ...env })
  const said = ran.err.trimEnd().split('\n')
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(said).toHaveLength(lines.length)
  for (const line of lines) expect(said.some((it) => line.test(it))).toBe(true)
}

test.each([
  ['a port that is none', { HTTP_LISTEN: '127.0.0.1:99999' }, /^HTTP_LISTEN: must be host:port/],
  ['a level that is none', { LOG_LEVEL: 'loud' }, /^LOG_LEVEL: must be one of/],
  ['a name that is none', { SALLYPORT_HTTP_LISTEN: 'x' }, /^SALLYPORT_HTTP_LISTEN: is not a/],
  ['an upstream that is none', { HTTP_UPSTREAM: 'ftp://x' }, /^HTTP_UPSTREAM: must be http:/],
  [
    'a file that is not there',
    { SALLYPORT_CONFIG: '/nowhere.json' },
    /^SALLYPORT_CONFIG \/nowhere/,
  ],
  ['a weak first admin', { ADMIN_PASSWORD: 'password1234' }, /^ADMIN_PASSWORD: is easy to guess/],
] as const)('%s: one clear line', async (_, env, line) => {
  const admin = { ADMIN_USERNAME: 'root', ADMIN_EMAIL: 'root@example.com' }
  const more = 'ADMIN_PASSWORD' in env ? admin : {}
  await failsWith({ DATA_DIR: join(temporaryFolder(), 'data'), ...more, ...env }, line)
})

test('all faults of the settings are told at once, by serve and by --check', async () => {
  const env = { HTTP_LISTEN: 'x', ADMIN_LISTEN: 'y', DATA_DIR: temporaryFolder() }
  await failsWith(env, /^HTTP_LISTEN: /, /^ADMIN_LISTEN: /)
  const checked = await runCli(['serve', '--check'], env)
  expect(checked).toMatchObject({ code: 1, out: '' })
  expect(checked.err.trimEnd().split('\n')).toHaveLength(2)
  const tls = { HTTP_TLS_CERT: '/nowhere.pem', HTTP_TLS_KEY: '/nowhere.key' }
  expect(await runCli(['--check'], tls)).toMatchObject({
    code: 1,
    err: 'HTTP_TLS_CERT: cannot read /nowhere.pem (ENOENT)\n',
  })
  expect((await runCli(['--check', '--config', '/nowhere'], {})).err).toMatch(
    /^--config \/nowhere: /,
  )
  const right = { DATA_DIR: '/nowhere/at/all' }
  expect(await runCli(['--check'], right)).toMatchObject({ code: 0, out: '' })
})

test.each([
  ['a file', (folder: string) => join(folder, 'file')],
  ['below a file', (folder: string) => join(folder, 'file', 'data')],
  ['where no folder can be', () => '/proc/nowhere'],
  ['where no file can be', () => '/proc/self'],
  ['a device', () => '/dev/null'],
])('a data folder that is %s: one clear line, and nothing is lost', async (_, place) => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'file'), 'mine')
  await failsWith({ DATA_DIR: place(folder) }, /(^DATA_DIR |cannot open the database )/)
  expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('mine')
})

const takePort = async (): Promise<string> => {
  const server = createServer()
  onTestFinished(() => {
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

test.each(['HTTP_LISTEN', 'SMPP_LISTEN', 'ADMIN_LISTEN'])(
  'a port of %s in use: one clear line',
  async (name) => {
    const place = await takePort()
    const line = new RegExp(`^${name} ${place}: the port is in use$`)
    await failsWith({ DATA_DIR: await usedFolder(), [name]: place }, line)
  },
)

test('the sample users, whose passwords everyone knows, never leave loopback', async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const sandbox = await serveCli({ DATA_DIR: dataDir })
  expect((await sandbox.end('SIGTERM')).code).toBe(0)
  const open = { DATA_DIR: dataDir, HTTP_LISTEN: '0.0.0.0:0', SMPP_UPSTREAM: 'smpp://127.0.0.1:9' }
  await failsWith(open, /^DATA_DIR .* was made by the sandbox, .*: choose another folder$/)
  await failsWith({ ...open, HTTP_UPSTREAM: '' }, /^HTTP_LISTEN: must be on loopback until/)
})

/** Changes the bytes of a file of the data folder. */
const damage = (dataDir: string, name: string, change: (bytes: Buffer) => Buffer): void => {
  const file = join(dataDir, name)
  writeFileSync(file, change(readFileSync(file)))
}

const fill = (bytes: Buffer, from: number, length: number): Buffer => {
  bytes.fill(0xa5, from, from + length)
  return bytes
}

test.each([
  ['empty', () => Buffer.alloc(0)],
  ['cut in two', (bytes: Buffer) => bytes.subarray(0, bytes.length / 2)],
  ['text', () => Buffer.from('not a database at all\n'.repeat(100))],
  ['with a damaged header', (bytes: Buffer) => fill(bytes, 0, 100)],
  ['with a damaged page', (bytes: Buffer) => fill(bytes, 4_096 * 3, 4_096)],
])('a database that is %s: one clear line, and it is left as it is', async (_, change) => {
  const dataDir = await usedFolder()
  damage(dataDir, 'sallyport.db', change)
  const before = bytesIn(dataDir)
  await failsWith({ DATA_DIR: dataDir }, /^cannot open the database .*; nothing was changed$/)
  expect(bytesIn(dataDir)).toEqual(before)
})

test('a damaged database with a log beside it: both are left as they are', async () => {
  const dataDir = await usedFolder()
  const file = join(dataDir, 'sallyport.db')
  const connection = new Sqlite(file)
  connection.exec("update users set first_name = 'written last'")
  const log = readFileSync(`${file}-wal`)
  connection.close()
  writeFileSync(`${file}-wal`, log)
  damage(dataDir, 'sallyport.db', (bytes) => fill(bytes, 4_096 * 3, 4_096))
  const before = bytesIn(dataDir)
  await failsWith({ DATA_DIR: dataDir }, /^cannot open the database .*; nothing was changed$/)
  expect(bytesIn(dataDir)).toEqual(before)
})

test('the database of another program: one clear line, and it is left as it is', async () => {
  const dataDir = temporaryFolder()
  const other = new Sqlite(join(dataDir, 'sallyport.db'))
  other.exec("create table mine (a); insert into mine values ('kept')")
  other.close()
  const before = bytesIn(dataDir)
  await failsWith({ DATA_DIR: dataDir }, /^cannot open the database .*not a database of Sallyport/)
  expect(bytesIn(dataDir)).toEqual(before)
})

test.each([
  ['empty', ''],
  ['too short', 'abcdef'],
  ['text', 'my key\n'],
])('an installation key that is %s: one clear line, and nothing is lost', async (_, text) => {
  const dataDir = await usedFolder()
  writeFileSync(join(dataDir, 'installation.key'), text)
  const before = bytesIn(dataDir)
  await failsWith({ DATA_DIR: dataDir }, /installation\.key is damaged: .*; nothing was changed$/)
  expect(bytesIn(dataDir)).toEqual(before)
})

test('the listening line says where, and comes within half a second on a used folder', async () => {
  const env = { ...upstream, DATA_DIR: await usedFolder() }
  const took: number[] = []
  for (let at = 0; at < 6 && Math.min(...took, Infinity) >= 500; at++) {
    const gateway = await serveCli(env)
    took.push(gateway.tookMs)
    expect(gateway.listening).toMatchObject({
      event: 'listening',
      http: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      smpp: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
      admin: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as string,
    })
    const health = await fetch(`http://${String(gateway.listening['admin'])}/readyz`)
    expect(health.status).toBe(200)
    expect(await gateway.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
  }
  // 0.2 to 0.3 s on an idle core; with slack, since other tests use this machine too.
  expect(Math.min(...took)).toBeLessThan(1_000)
})
