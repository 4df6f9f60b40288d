import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { closeDatabase, openDatabase, transact } from '../../db/database.ts'
import { recordLock } from '../../db/locks.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor as actor } from '../../db/record.ts'
import { notices } from '../../db/schema/notices.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { createSystem } from '../../gateway/system.ts'
import { ended, startChild } from '../support/child.ts'
import { runCli, serveCli } from '../support/cli.ts'
import { createShiftedClock } from '../support/clock.ts'
import { temporaryFolder } from '../support/database.ts'
import { basic, startGateway, type TestGateway, type TestOptions } from '../support/gateway.ts'
import { readMail, startMailServer, type MailServer } from '../support/mail-server.ts'
import { dropPostgres, emptyPostgres, postgresServer } from '../support/postgres.ts'
import { until } from '../support/smpp-pair.ts'
import { alicesPassword, usedFolder } from '../support/used-folder.ts'

afterAll(dropPostgres, 60_000)

const changed = 'Your password has been changed'

const mailEnv = ({ url }: Pick<MailServer, 'url'>) => ({
  ...{ SMTP_URL: url, MAIL_FROM: 'gate@example.com' },
  ...{ HTTP_UPSTREAM: 'http://127.0.0.1:9', SMPP_UPSTREAM: 'smpp://127.0.0.1:9' },
})

const startWith = async (options: TestOptions): Promise<TestGateway> => {
  const gateway = await startGateway(options)
  onTestFinished(gateway.stop)
  return gateway
}

/** What is recorded in a data folder, as outcomes; null: it waits. */
const outcomesIn = async (dataDir: string): Promise<readonly (string | null)[]> => {
  const file = join(dataDir, 'sallyport.db')
  const database = await openDatabase({ file, ...createSystem() })
  const rows = await database.queries.select({ outcome: notices.outcome }).from(notices)
  await closeDatabase(database)
  return rows.map(({ outcome }) => outcome)
}

const aliceIn = async (dataDir: string): Promise<string> => {
  const database = await openDatabase({ file: join(dataDir, 'sallyport.db'), ...createSystem() })
  const user = await findUserByName(database, 'alice')
  await closeDatabase(database)
  return user?.id ?? ''
}

const subjects = ({ received }: MailServer): readonly string[] =>
  received.map((mail) => readMail(mail).subject)

/** Everything has been sent, and no second one follows. */
const allSent = (gateway: TestGateway): Promise<void> =>
  until(async () => {
    const rows = await gateway.core.database.queries.select().from(notices)
    return rows.every(({ outcome }) => outcome !== null)
  })

/** A server that takes a mail and never says so. */
const startHangingServer = async () => {
  const taken = Promise.withResolvers<undefined>()
  const server = await startMailServer({
    onData: (stream) => {
      stream.resume()
      taken.resolve(undefined)
    },
  })
  return { ...server, taken: taken.promise }
}

describe('I5 a mail is not lost with the process', () => {
  test('that died as soon as the change was committed', async () => {
    const server = await startMailServer()
    const dataDir = await usedFolder()
    const alice = await aliceIn(dataDir)
    const child = startChild(join(dataDir, 'sallyport.db'), 'dieAfterPassword', alice)
    expect(await ended(child)).toBe('SIGKILL')
    expect(await outcomesIn(dataDir)).toEqual([null])
    const gateway = await startWith({ env: mailEnv(server), dataDir })
    await until(() => server.received.length > 0)
    await allSent(gateway)
    expect(subjects(server)).toEqual([changed])
  })

  test('that died while it was sending', async () => {
    const hanging = await startHangingServer()
    const dataDir = await usedFolder()
    const first = await serveCli({ ...mailEnv(hanging), DATA_DIR: dataDir })
    const set = ['user', 'password', 'alice', '--json']
    const ran = await runCli(set, { DATA_DIR: dataDir }, 'Tr0mbone-under-the-bridge\n')
    expect(ran).toMatchObject({ code: 0 })
    await hanging.taken
    expect(await first.end('SIGKILL')).toMatchObject({ signal: 'SIGKILL' })
    const server = await startMailServer()
    const system = createShiftedClock()
    const gateway = await startWith({ env: mailEnv(server), dataDir, system })
    // It is still the other's, which may have been sending.
    await wakeTwice(gateway)
    expect(server.received).toEqual([])
    system.pass(4 * 60_000)
    await until(() => server.received.length > 0)
    await allSent(gateway)
    expect(subjects(server)).toEqual([changed])
  })

  /** Another change is sent, so the first was looked at too. */
  const wakeTwice = async (gateway: TestGateway): Promise<void> => {
    for (let times = 0; times < 2; times++) {
      const user = await gateway.addUser({ username: `other-${times}` })
      await transact(gateway.core.database, (tx) =>
        setPassword(tx, { actor, userId: user.id, hash: 'x' }),
      )
    }
  }
})

test('the command line writes, and the gateway that runs sends', async () => {
  const server = await startMailServer()
  const dataDir = await usedFolder()
  const gateway = await startWith({ env: mailEnv(server), dataDir })
  const ran = await runCli(
    ['user', 'password', 'alice'],
    { DATA_DIR: dataDir },
    'Tr0mbone-under-the-bridge\n',
  )
  expect(ran).toMatchObject({ code: 0 })
  await until(() => server.received.length > 0)
  await allSent(gateway)
  expect(subjects(server)).toEqual([changed])
})

test('a stop does not wait for a server that hangs, and leaves the mail to the next', async () => {
  const hanging = await startHangingServer()
  const dataDir = temporaryFolder()
  const gateway = await startGateway({ env: mailEnv(hanging), dataDir })
  await gateway.addUser({ username: 'carol', email: 'carol@example.com' })
  await hanging.taken
  await gateway.stop()
  expect(await outcomesIn(dataDir)).toEqual([null])
  const server = await startMailServer()
  await startWith({ env: mailEnv(server), dataDir })
  await until(() => server.received.length > 0)
  expect(subjects(server)).toEqual(['Your account has been created'])
}, 60_000)

test('I6 a server that is down is tried again until it is up', async () => {
  const { stop, port, url } = await startMailServer()
  await stop()
  const gateway = await startWith({
    env: mailEnv({ url }),
    post: { pollMs: 20, delays: Array<number>(5_000).fill(20) },
  })
  await gateway.addUser({ username: 'carol', email: 'carol@example.com' })
  const { queries } = gateway.core.database
  await until(async () => ((await queries.select().from(notices))[0]?.tries ?? 0) > 3)
  expect((await fetch(`${gateway.adminUrl}/readyz`)).status).toBe(200)
  const server = await startMailServer({}, port)
  await until(() => server.received.length > 0)
  await allSent(gateway)
  expect(subjects(server)).toEqual(['Your account has been created'])
})

const isThere = (await postgresServer()) !== undefined

describe('of two nodes', () => {
  test.for([
    ['SQLite', true],
    ['PostgreSQL', isThere],
  ] as const)(
    'each mail is sent by one, on %s',
    { timeout: 60_000 },
    async ([engine, isHere], { skip }) => {
      skip(!isHere, 'there is no PostgreSQL to test on')
      const server = await startMailServer()
      const dataDir = temporaryFolder()
      const url = engine === 'PostgreSQL' ? { DATABASE_URL: await emptyPostgres() } : {}
      const options = { env: { ...mailEnv(server), ...url }, dataDir, post: { pollMs: 5 } }
      const nodes = [await startWith(options), await startWith(options)] as const
      const users = []
      for (let at = 0; at < 60; at++) {
        const username = `user-${at}`
        const known = { username, email: `${username}@example.com` }
        users.push(await nodes[at % 2 === 0 ? 0 : 1].addUser(known))
      }
      await until(() => server.received.length >= users.length)
      for (const node of nodes) await allSent(node)
      const to = server.received.map((mail) => mail.to.join())
      expect(to.toSorted()).toEqual(users.map(({ email }) => email).toSorted())
    },
  )
})

test('a thousand locks hold up nothing, and each is told once', async () => {
  const server = await startMailServer()
  const gateway = await startWith({ env: mailEnv(server), dataDir: await usedFolder() })
  const { database } = gateway.core
  const users = []
  for (let at = 0; at < 1_000; at++) {
    const username = `user-${at}`
    const known = { username, email: `${username}@example.com`, passwordHash: 'x' }
    users.push(await gateway.addUser({ ...known, apiAccess: { http: false, smpp: false } }))
  }
  await allSent(gateway)
  server.received.length = 0
  let slowest = 0
  const ask = async (): Promise<void> => {
    const began = performance.now()
    const headers = { authorization: basic('alice', alicesPassword) }
    const { status } = await fetch(`${gateway.adminUrl}/api/v1/me`, { headers })
    slowest = Math.max(slowest, performance.now() - began)
    expect(status).toBe(200)
  }
  await ask()
  slowest = 0
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const locks = users.map(({ id: userId }) =>
    transact(database, (tx) =>
      recordLock(tx, {
        userId,
        lock: {
          ...{ bucket: 'unknown', lockedAt: database.now(), lockedUntil: Infinity, locks: 1 },
          ...{ consecutive: 5, channels: ['http'], sources: ['192.0.2.7'] },
        },
      }),
    ),
  )
  while (server.received.length < users.length) await ask()
  await Promise.all(locks)
  delay.disable()
  await allSent(gateway)
  expect(server.received.map(({ to }) => to.join()).toSorted()).toEqual(
    users.map(({ email }) => email).toSorted(),
  )
  // The mail server and its thousand sessions are in this process too.
  expect(slowest).toBeLessThan(2_000)
  expect(delay.max / 1e6).toBeLessThan(1_000)
}, 120_000)
