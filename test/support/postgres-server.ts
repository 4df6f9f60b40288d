import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { freePort } from './redis.ts'

const debian = '/usr/lib/postgresql'

const folders = [
  ...(existsSync(debian) ? readdirSync(debian) : [])
    .toSorted((one, other) => Number(other) - Number(one))
    .map((version) => join(debian, version, 'bin')),
  ...(process.env['PATH'] ?? '').split(delimiter),
]

const programs = folders.find((folder) => existsSync(join(folder, 'initdb')))

if (programs === undefined && process.env['REQUIRE_POSTGRES'] === '1')
  throw new Error('REQUIRE_POSTGRES: there is no initdb')

/** For `skipIf`: tests that stop a server of their own need its programs. */
export const withoutPostgresPrograms = programs === undefined

/** A server of the test's own, in a folder of its own. */
export type PostgresServer = {
  readonly url: string
  /** Ended as by a failure: nothing is waited for and nothing is put in order. */
  readonly kill: () => Promise<void>
  /** Started again on the same port. */
  readonly restart: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** PostgreSQL does not run as root. */
const isRoot = process.getuid?.() === 0

const commandOf = (program: string, args: readonly string[]): readonly [string, string[]] => {
  const whole = [join(programs ?? '', program), ...args]
  const [file = '', ...rest] = isRoot ? ['runuser', '-u', 'postgres', '--', ...whole] : whole
  return [file, rest]
}

const run = async (program: string, ...args: string[]): Promise<void> => {
  const child = spawn(...commandOf(program, args), { cwd: '/', stdio: 'ignore' })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${program} ended with ${String(code)}`)
}

export const startPostgresServer = async (): Promise<PostgresServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-postgres-'))
  const data = join(folder, 'data')
  const port = await freePort()
  if (isRoot) execFileSync('chown', ['postgres', folder])
  await run('initdb', '--auth=trust', '--encoding=UTF8', '--no-sync', '-U', 'postgres', '-D', data)
  const manners = `-p ${port} -k ${folder} -c listen_addresses=127.0.0.1 -c fsync=off`
  const begin = (): Promise<void> =>
    run('pg_ctl', '-w', '-D', data, '-l', join(folder, 'log'), '-o', manners, 'start')
  const end = ['-w', '-m', 'immediate', '-D', data, 'stop']
  // A test that fails before it could stop it leaves nothing behind.
  const sweep = (): void => {
    spawnSync(...commandOf('pg_ctl', end), { cwd: '/', stdio: 'ignore' })
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', sweep)
  await begin()
  return {
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    kill: () => run('pg_ctl', ...end),
    restart: begin,
    stop: async () => {
      process.off('exit', sweep)
      await run('pg_ctl', ...end).catch(() => undefined)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
