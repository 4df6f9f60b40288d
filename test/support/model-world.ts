import { randomBytes } from 'node:crypto'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { closeDatabase, openDatabase, transact, type Database } from '../../db/database.ts'
import { nodes as rows } from '../../db/schema/nodes.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { haveAllTold, passwordAttempt, userKeyOf, wordOf } from './attempts.ts'
import { createShiftedClock, type ShiftedClock } from './clock.ts'
import { addAccount, addUser } from './database.ts'
import { openModelNodes } from './model-nodes.ts'
import { bothNodes, type Node, type Offer, type Seen } from './model-seen.ts'
import { cheapHash, type Watched } from './model-watch.ts'
import type { RedisServer } from './redis.ts'
import { until } from './smpp-pair.ts'

export const firstPassword = 'the first password'

/** A data folder with one user, made once and copied for each run. */
export const makeModelFolder = async (): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-model-'))
  const sources = { ...createShiftedClock(), random: randomBytes }
  const database = await openDatabase({ file: join(folder, 'sallyport.db'), ...sources })
  const account = await addAccount(database)
  await addUser(database, account.id, {
    username: 'acme',
    passwordHash: cheapHash(firstPassword),
    apiAccess: { http: true, smpp: false },
  })
  await closeDatabase(database)
  return folder
}

/** Two nodes on one data folder and one Redis, each of which can be cut off from it. */
export type World = {
  readonly clock: ShiftedClock
  readonly userId: string
  /** What is offered at once, and something that happens while it is. */
  readonly offer: (offers: readonly Offer[], meanwhile?: () => Promise<void>) => Promise<Seen>
  /** A change through a node; what it leads to there has happened when it resolves. */
  readonly change: (node: Node, work: (database: Database) => Promise<unknown>) => Promise<void>
  /** The node hears of all that was written before. */
  readonly hear: (node: Node) => Promise<void>
  /** Time passes; both nodes go on living. */
  readonly pass: (ms: number) => Promise<void>
  readonly close: (node: Node) => Promise<void>
  readonly open: (node: Node) => Promise<void>
  /** Some nodes lose Redis at once; as one that is killed, it may come back empty. */
  readonly lose: (cut: readonly Node[], isEmptied: boolean) => Promise<void>
  /** All nodes have Redis again and have told it what they know. */
  readonly regain: () => Promise<void>
  /** How long the keys of this world live on (ms; -1: for ever). */
  readonly lives: () => Promise<readonly number[]>
  /** What went wrong according to the logs. */
  readonly failures: readonly string[]
  readonly stop: () => Promise<void>
}

const isAway = ({ core }: Watched): boolean => core.shared?.redis.isAway() === true

const settle = async ({ core, unlocking }: Watched): Promise<void> => {
  await core.feed.poll()
  await Promise.all(unlocking)
}

/** Redis with its data, of which only that of one world goes. */
const emptyRedis = async ({ admin }: RedisServer, keys: readonly string[]): Promise<void> => {
  if (keys.length > 0) await admin.del([...keys])
  await admin.script('FLUSH')
}

export const openWorld = async (template: string, redis: RedisServer): Promise<World> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-model-'))
  cpSync(template, dataDir, { recursive: true })
  const clock = createShiftedClock()
  const prefix = `model-${randomBytes(6).toString('hex')}:`
  const nodes = await openModelNodes({ dataDir, prefix, redisPort: redis.port, clock })
  const { at, open, events, unanswered, failures } = nodes
  const keysOf = (): Promise<string[]> => redis.admin.keys(`${prefix}*`)
  const user = await findUserByName(at(0).core.database, 'acme')
  if (user === undefined) throw new Error('the folder has no user')
  const userKey = userKeyOf(at(0).core, user.id)
  const isWhole = (): Promise<boolean> =>
    haveAllTold(
      open().map(({ core }) => core),
      redis,
      userKey,
    )
  await until(isWhole)
  unanswered.clear()

  return {
    ...{ clock, userId: user.id, close: nodes.close, open: nodes.start, failures },
    offer: async (offers, meanwhile) => {
      events.length = 0
      const before = clock.now()
      const deciding = offers.map(async ({ node, from, secret }) =>
        at(node).core.authorize(passwordAttempt('acme', secret, from)),
      )
      await meanwhile?.()
      const words = (await Promise.all(deciding)).map(wordOf)
      const seen = { offers, words, before, after: clock.now(), events: [...events] }
      const silent = [...unanswered]
      unanswered.clear()
      return { ...seen, unanswered: silent }
    },
    change: async (node, work) => {
      await work(at(node).core.database)
      await settle(at(node))
    },
    hear: async (node) => {
      // Locks are written behind the decision: this comes behind them.
      for (const { core } of open()) await transact(core.database, async () => undefined)
      await settle(at(node))
    },
    pass: async (ms) => {
      for (const { core } of open()) await core.sources.flush()
      clock.pass(ms)
      for (const { core } of open().slice(0, 1))
        await transact(core.database, async (tx) =>
          tx.queries.update(rows).set({ seenAt: tx.now() }),
        )
    },
    lose: async (cut, isEmptied) => {
      for (const node of cut) nodes.proxies[node].set({ kind: 'reset' })
      await until(() => cut.flatMap((node) => nodes.find(node) ?? []).every(isAway))
      if (isEmptied) await emptyRedis(redis, await keysOf())
    },
    regain: async () => {
      for (const node of bothNodes) nodes.proxies[node].set({ kind: 'none' })
      for (const node of bothNodes) if (nodes.find(node) === undefined) await nodes.start(node)
      await until(() => !open().some(isAway))
      await until(isWhole)
      for (const { core } of open()) await core.attempts.state(userKey)
      unanswered.clear()
    },
    lives: async () => Promise.all((await keysOf()).map((key) => redis.admin.pttl(key))),
    stop: async () => {
      await nodes.stop()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}
