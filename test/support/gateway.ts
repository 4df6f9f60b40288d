import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { findFirstAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import type { UserRow } from '../../db/user-rows.ts'
import { createUser, type NewUser } from '../../db/users.ts'
import { createLog } from '../../gateway/log.ts'
import { readSettings } from '../../gateway/settings.ts'
import { start, type Gateway, type StartDeps } from '../../gateway/start.ts'
import { createSystem, type System } from '../../gateway/system.ts'

/** A user to make before the test begins: allowed on HTTP and SMPP unless told otherwise. */
export type TestUser = Partial<Omit<NewUser, 'actor' | 'accountId' | 'passwordHash'>> & {
  readonly username: string
  readonly password?: string
}

export type TestGateway = Gateway & {
  readonly url: string
  readonly port: number
  readonly adminUrl: string
  readonly smppPort: number
  readonly dataDir: string
  /** Everything that was logged, a line each. */
  readonly logged: readonly string[]
  readonly addUser: (user: TestUser) => Promise<UserRow>
  /** Stops it and removes its data folder; safe to call twice. */
  readonly stop: () => Promise<void>
}

export type TestOptions = {
  readonly env?: Readonly<Record<string, string>>
  /** As the JSON file of settings. */
  readonly file?: Readonly<Record<string, unknown>>
  readonly users?: readonly TestUser[]
  readonly system?: Partial<System>
  readonly post?: StartDeps['post']
  /** Kept by the caller, who removes it; else a new one. */
  readonly dataDir?: string
}

/** The value of an Authorization field for Basic (RFC 7617). */
export const basic = (username: string, password: string): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

const settingsOf = (dataDir: string, { env = {}, file }: TestOptions) => {
  const read = readSettings(
    {
      DATA_DIR: dataDir,
      HTTP_LISTEN: '127.0.0.1:0',
      SMPP_LISTEN: '127.0.0.1:0',
      ADMIN_LISTEN: '127.0.0.1:0',
      LOG_LEVEL: 'debug',
      ...env,
    },
    file && { path: 'test.json', text: JSON.stringify(file) },
  )
  if ('faults' in read) throw new Error(JSON.stringify(read.faults))
  return read.settings
}

/** Starts the real gateway on free ports, with a data folder of its own. */
export const startGateway = async (options: TestOptions = {}): Promise<TestGateway> => {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'sallyport-'))
  const logged: string[] = []
  const destination = new Writable({
    write: (chunk: Buffer, _, done) => {
      logged.push(chunk.toString())
      done()
    },
  })
  const gateway = await start({
    settings: settingsOf(dataDir, options),
    system: { ...createSystem(), ...options.system },
    ...(options.post && { post: options.post }),
    log: createLog('debug', destination),
  })
  const { database, hashing } = gateway.core
  const addUser = async ({ password, ...user }: TestUser): Promise<UserRow> => {
    const account = await findFirstAccount(database)
    const hashed = password === undefined ? undefined : await hashing.hash(Buffer.from(password))
    if (account === undefined || hashed?.outcome === 'overloaded') throw new Error('no user made')
    const made = await transact(database, (tx) =>
      createUser(tx, {
        actor: systemActor,
        accountId: account.id,
        apiAccess: { http: true, smpp: true },
        passwordHash: hashed?.phc,
        ...user,
      }),
    )
    if (!('id' in made)) throw new Error(JSON.stringify(made))
    return made
  }
  for (const user of options.users ?? []) await addUser(user)
  let stopping: Promise<void> | undefined
  return {
    ...gateway,
    url: `http://127.0.0.1:${gateway.http.port}`,
    port: gateway.http.port,
    smppPort: gateway.smpp.port,
    adminUrl: `http://127.0.0.1:${gateway.admin.port}`,
    dataDir,
    logged,
    addUser,
    stop: () =>
      (stopping ??= gateway.stop().then(() => {
        if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
      })),
  }
}
