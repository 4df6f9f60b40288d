import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { closeDatabase, openDatabase, transact } from '../../../db/database.ts'
import { createHashing } from '../../../db/hashing.ts'
import { createIds } from '../../../db/ids.ts'
import { systemActor } from '../../../db/record.ts'
import { createUser } from '../../../db/users.ts'
import { ensureFirstAccount } from '../../../gateway/installation.ts'
import { createSystem } from '../../../gateway/system.ts'
import { readListening, soloist } from '../http/gateway.ts'
import type { Listening } from '../http/nginx.ts'
import { gatewayArguments } from '../program.ts'
import { heard, type Stage } from '../stage.ts'
import { seedUsers } from './seed.ts'

/** The data folder with its users; `soloist` is Account admin, and allowed on HTTP. */
export type Filled = { readonly dataDir: string; readonly seedSeconds: number }

/** Makes a database with so many users, and one who calls the admin API. */
export const fill = async (stage: Stage, users: number): Promise<Filled> => {
  const system = createSystem()
  const dataDir = join(stage.folder, 'directory')
  const file = join(dataDir, 'sallyport.db')
  const database = await openDatabase({ file, ...system })
  const account = await ensureFirstAccount(database)
  const hashed = await createHashing({ concurrency: 1 }).hash(Buffer.from(soloist.password))
  if (hashed.outcome !== 'hashed') throw new Error('the password could not be hashed')
  await transact(database, (tx) =>
    createUser(tx, {
      ...{ actor: systemActor, accountId: account.id, username: soloist.username },
      ...{ roles: ['account-admin'], apiAccess: { http: true, smpp: false } },
      passwordHash: hashed.phc,
    }),
  )
  await closeDatabase(database)
  const began = system.elapsed()
  const seed = { accountId: account.id, users, now: system.now(), newId: createIds(system) }
  seedUsers({ file, ...seed })
  return { dataDir, seedSeconds: (system.elapsed() - began) / 1_000 }
}

export type Started = Listening & {
  readonly adminUrl: string
  /** Ms from the start of the process to its line that says that it listens. */
  readonly startMs: number
}

/** Starts the real gateway on a filled data folder; it may use both cores. */
export const startOn = async (
  stage: Stage,
  { dataDir }: Filled,
  upstream: Listening,
): Promise<Started> => {
  const config = `${dataDir}.json`
  const loopback = '127.0.0.1:0'
  const listen = { httpListen: loopback, smppListen: loopback, adminListen: loopback }
  writeFileSync(config, JSON.stringify({ ...listen, httpUpstream: upstream.url, dataDir }))
  const { elapsed } = createSystem()
  const began = elapsed()
  const proxy = stage.start('both', process.execPath, [
    ...gatewayArguments(),
    ...['--config', config, 'serve'],
  ])
  const { http = '', admin = '' } = await heard(proxy, readListening)
  const startMs = elapsed() - began
  return { url: `http://${http}`, adminUrl: `http://${admin}`, proxy, startMs, loadOn: 'both' }
}
