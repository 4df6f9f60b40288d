import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { closeDatabase, openDatabase, transact, type Database } from '../../../db/database.ts'
import { createHashing } from '../../../db/hashing.ts'
import { systemActor } from '../../../db/record.ts'
import { createUser } from '../../../db/users.ts'
import { ensureFirstAccount } from '../../../gateway/installation.ts'
import { createSystem } from '../../../gateway/system.ts'
import { gatewayArguments } from '../program.ts'
import { heard, type Core, type Stage } from '../stage.ts'
import type { Listening } from './nginx.ts'

export type BenchUser = { readonly username: string; readonly password: string }

/** The value of an Authorization field for Basic (RFC 7617). */
export const basicOf = ({ username, password }: BenchUser): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

/** A thousand ranges of which the last, and only it, covers loopback. */
export const thousandRanges: readonly string[] = [
  ...Array.from({ length: 999 }, (_, index) => `10.${index >> 6}.${(index & 63) * 4}.0/25`),
  '127.0.0.0/8',
]

/** What each of the many is safelisted to. */
const fewRanges = ['192.0.2.0/24', '198.51.100.0/24', '2001:db8::/32', '127.0.0.0/8']

export const soloist: BenchUser = { username: 'bench', password: 'correct horse battery' }

/** As many users as are wanted, one password for all, so that it is hashed once. */
export const manyUsers = (count: number): readonly BenchUser[] =>
  Array.from({ length: count }, (_, index) => ({
    username: `user${String(index).padStart(5, '0')}`,
    password: 'staple horse battery',
  }))

const addUsers = async (
  database: Database,
  users: readonly BenchUser[],
  ranges: readonly string[],
): Promise<void> => {
  const [first] = users
  if (first === undefined) return
  const account = await ensureFirstAccount(database)
  const hashed = await createHashing({ concurrency: 1 }).hash(Buffer.from(first.password))
  if (hashed.outcome !== 'hashed') throw new Error('the password could not be hashed')
  await transact(database, async (tx) => {
    for (const { username } of users) {
      const made = await createUser(tx, {
        actor: systemActor,
        accountId: account.id,
        username,
        roles: ['api-user'],
        safelist: ranges.map((range) => ({ range })),
        apiAccess: { http: true, smpp: false },
        passwordHash: hashed.phc,
      })
      if (!('id' in made)) throw new Error(JSON.stringify(made))
    }
  })
}

export type Line = { readonly event?: string; readonly http?: string; readonly admin?: string }

export const readListening = (line: string): Line | undefined => {
  if (!line.startsWith('{')) return undefined
  const said = JSON.parse(line) as Line
  return said.event === 'listening' ? said : undefined
}

/** How a gateway is run when it is not alone on the core of the proxies. */
export type Layout = {
  readonly workers: number
  readonly core: Core
  readonly redisUrl: string
}

/** The real gateway with its defaults: everything on, users made before it starts. */
export const startGateway = async (
  stage: Stage,
  upstream: Listening,
  many: readonly BenchUser[],
  { workers = 1, core = 'proxy', redisUrl }: Partial<Layout> = {},
): Promise<Listening & { readonly adminUrl: string }> => {
  const dataDir = join(
    stage.folder,
    `data-${workers}-${redisUrl === undefined ? 'alone' : 'redis'}`,
  )
  const config = `${dataDir}.json`
  const database = await openDatabase({ file: join(dataDir, 'sallyport.db'), ...createSystem() })
  try {
    await addUsers(database, [soloist], thousandRanges)
    await addUsers(database, many, fewRanges)
  } finally {
    await closeDatabase(database)
  }
  const loopback = '127.0.0.1:0'
  const listen = { httpListen: loopback, smppListen: loopback, adminListen: loopback }
  const settings = { ...listen, httpUpstream: upstream.url, dataDir, redisUrl }
  writeFileSync(config, JSON.stringify(settings))
  const proxy = stage.start(core, process.execPath, [
    ...gatewayArguments(),
    ...['--config', config, 'serve', '--workers', String(workers)],
  ])
  const { http = '', admin = '' } = await heard(proxy, readListening)
  return { url: `http://${http}`, adminUrl: `http://${admin}`, proxy }
}
