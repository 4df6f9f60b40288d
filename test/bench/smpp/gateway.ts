import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { closeDatabase, openDatabase, transact } from '../../../db/database.ts'
import { createHashing } from '../../../db/hashing.ts'
import { systemActor } from '../../../db/record.ts'
import { createUser, setSmppLimits } from '../../../db/users.ts'
import { ensureFirstAccount } from '../../../gateway/installation.ts'
import { createSystem } from '../../../gateway/system.ts'
import { gatewayArguments } from '../program.ts'
import { heard, type Stage } from '../stage.ts'
import type { Peer } from './peers.ts'
import type { BenchCredentials } from './words.ts'

export const bencher: BenchCredentials = { systemId: 'bench', password: 'correct horse battery' }

/** More than any job binds, so that no limit of the gateway's is what is measured. */
const MANY = 20_000

const makeUser = async (file: string): Promise<void> => {
  const database = await openDatabase({ file, ...createSystem() })
  try {
    const account = await ensureFirstAccount(database)
    const hashed = await createHashing({ concurrency: 1 }).hash(Buffer.from(bencher.password))
    if (hashed.outcome !== 'hashed') throw new Error('the password could not be hashed')
    await transact(database, async (tx) => {
      const user = await createUser(tx, {
        actor: systemActor,
        accountId: account.id,
        username: bencher.systemId,
        safelist: [{ range: '192.0.2.0/24' }, { range: '127.0.0.0/8' }],
        apiAccess: { http: false, smpp: true },
        passwordHash: hashed.phc,
      })
      if (!('id' in user)) throw new Error(JSON.stringify(user))
      const limits = { bindLimit: MANY, bindTypes: null, submitRate: null }
      await setSmppLimits(tx, { actor: systemActor, userId: user.id, ...limits })
    })
  } finally {
    await closeDatabase(database)
  }
}

type Line = { readonly event?: string; readonly smpp?: string }

const readPort = (line: string): number | undefined => {
  if (!line.startsWith('{')) return undefined
  const { event, smpp = '' } = JSON.parse(line) as Line
  return event === 'listening' ? Number(smpp.split(':').at(-1)) : undefined
}

/** The real gateway with its defaults, but for limits on how many may bind at once. */
export const startGateway = async (stage: Stage, smsc: Peer): Promise<Peer> => {
  const dataDir = mkdtempSync(join(stage.folder, 'data-'))
  const config = `${dataDir}.json`
  await makeUser(join(dataDir, 'sallyport.db'))
  const loopback = '127.0.0.1:0'
  const listen = { httpListen: loopback, smppListen: loopback, adminListen: loopback }
  const smppLimits = { unbound: 2 * MANY, unboundPerSource: MANY }
  const smppUpstream = `smpp://127.0.0.1:${smsc.port}`
  writeFileSync(config, JSON.stringify({ ...listen, dataDir, smppUpstream, smppLimits }))
  const program = stage.start('proxy', process.execPath, [
    ...gatewayArguments(),
    '--config',
    config,
    'serve',
  ])
  return { name: 'gateway', program, port: await heard(program, readPort) }
}
