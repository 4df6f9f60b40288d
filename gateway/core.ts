import type { Logger } from 'pino'
import type { Attempts, BucketLock } from '../db/attempts.ts'
import type { BindLog } from '../db/binds.ts'
import type { Change } from '../db/changes.ts'
import { closeDatabase, transact, type Database } from '../db/database.ts'
import { createFeed, type Feed } from '../db/feed.ts'
import type { Hashing } from '../db/hashing.ts'
import { createLiveLog, type LiveLog } from '../db/live-log.ts'
import { clearLocks, recordLock } from '../db/locks.ts'
import { shareNews } from '../db/news.ts'
import type { Heartbeat } from '../db/nodes.ts'
import { systemActor } from '../db/record.ts'
import type { RefusalLog } from '../db/refusals.ts'
import type { SourceLog } from '../db/sources.ts'
import type { User } from '../policies/facts.ts'
import type { Authorize } from '../policies/ports.ts'
import { createAuthorize } from './authorize.ts'
import { createIsTrusted } from './client-address.ts'
import { createDirectory, type Directory } from './directory.ts'
import { createFloor, type Floor } from './floor.ts'
import { createJudge, createJudgeLive, type Judge, type JudgeLive } from './judge.ts'
import { createLive, type Live } from './live.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { joinNodes } from './nodes.ts'
import { createOfferedKeys } from './offered-keys.ts'
import { createRecorder, type Recorder } from './record.ts'
import type { Shared } from './redis.ts'
import { createRehash } from './rehash.ts'
import { createReviewer } from './reviewer.ts'
import type { Settings } from './settings-value.ts'
import { hashingLimits, openStores, type Stores, type StoresDeps } from './stores.ts'
import type { System } from './system.ts'
import { createVerification } from './verification.ts'
import { createVerified } from './verified.ts'

/** Everything that decides, and nothing that listens. */
export type Core = {
  readonly settings: Settings
  readonly system: System
  readonly log: Logger
  readonly database: Database
  readonly attempts: Attempts
  readonly hashing: Hashing
  readonly directory: Directory
  readonly live: Live
  /** Tells the other nodes of what is open here. */
  readonly liveLog: LiveLog
  readonly metrics: Metrics
  readonly recorder: Recorder
  readonly refusals: RefusalLog
  readonly binds: BindLog
  readonly sources: SourceLog
  readonly feed: Feed
  /** What the nodes share in Redis; without it this process is alone. */
  readonly shared: Shared | undefined
  readonly liveNodes: Heartbeat['liveNodes']
  /** What the nodes share cannot be reached. */
  readonly isDegraded: () => boolean
  readonly authorize: Authorize
  readonly judge: Judge
  readonly judgeLive: JudgeLive
  readonly recheck: (user: User) => void
  readonly floor: Floor
  /** Writes what is still in memory and closes the database. */
  readonly close: () => Promise<void>
}

export type CoreDeps = StoresDeps

/** Half of the second within which a change made by another process has to be in force. */
const NEWS_POLL_MS = 500

const createWiredDirectory = ({ settings, log }: CoreDeps, stores: Stores): Directory =>
  createDirectory({
    ...stores,
    most: settings.caches.users,
    restore: stores.attempts.restore,
    onBroken: (of, why) => {
      log.error({ of, why }, 'a stored safelist cannot be read: refused until it is saved anew')
    },
  })

/**
 * A lock is written where the counters cannot lose it, until a success in its bucket. Nobody waits
 * for that: the counters hold it already, and a wait would tell users from strangers.
 */
const createLockBook = ({ database }: Stores, logFailure: (error: unknown) => void) => ({
  recordLock: (userId: string, lock: BucketLock) => {
    transact(database, (tx) => recordLock(tx, { userId, lock })).catch(logFailure)
  },
  forgetLock: (userId: string, bucket: string) => {
    const change = { actor: systemActor, userId, bucket }
    transact(database, (tx) => clearLocks(tx, change)).catch(logFailure)
  },
})

/** Opens the database and wires the one road. Throws one clear line when it cannot. */
export const openCore = async (deps: CoreDeps): Promise<Core> => {
  const { settings, system, log } = deps
  let liveNodes = (): number => 1
  let hearLive: LiveLog['onChange'] = () => undefined
  const stores = await openStores(deps, () => liveNodes())
  const { database, shared, attempts, hashing, refusals, binds, sources } = stores
  const directory = createWiredDirectory(deps, stores)
  const live = createLive()
  const logFailure = (error: unknown): void => {
    log.error({ err: error }, 'a decision failed and was refused')
  }
  const isDegraded = (): boolean => shared?.redis.isAway() ?? false
  const policyAge = (): number => feed.age()
  const metrics = createMetrics({
    passwordQueue: hashing.waiting,
    degraded: isDegraded,
    policyAgeMs: policyAge,
    nodes: () => liveNodes(),
    live: () => ({
      http: live.size('http'),
      upgrade: live.size('upgrade'),
    }),
  })
  const { caches } = settings
  const verified = createVerified(system, {
    entries: caches.credentials,
    ttlMs: caches.credentialSeconds * 1_000,
  })
  const reviewer = createReviewer({ ...stores, directory, live, logFailure })
  const feed: Feed = await createFeed({
    database,
    elapsed: system.elapsed,
    pollMs: NEWS_POLL_MS,
    onChange: (change: Change) => {
      reviewer.onChange(change)
      hearLive(change)
    },
    onReturn: () => {
      log.error('the directory went back to what it was before: it is read anew')
      verified.forgetAll()
      reviewer.onReturn()
    },
    onLost: (error) => {
      log.error({ err: error }, 'changes cannot be read: what is known goes on, and grows old')
    },
    onFound: (lostMs) => {
      log.warn({ lostMs: Math.round(lostMs) }, 'changes can be read again')
    },
    onError: logFailure,
  })
  const news = shared && shareNews({ database, feed, broadcast: shared.broadcast })
  const heartbeat = await joinNodes({
    database,
    name: settings.nodeName,
    log,
    policyAge,
    isDegraded,
  })
  liveNodes = heartbeat.liveNodes
  const liveLog = createLiveLog({
    database,
    nodeId: heartbeat.nodeId,
    open: () => live.lasting(system.now()),
    end: (id) => {
      live.end(id, 'session-ended')
    },
    onError: (error) => {
      log.error({ err: error }, 'what is open here could not be told; it goes on trying')
    },
  })
  hearLive = liveLog.onChange
  const recorder = createRecorder({
    ...stores,
    newId: database.newId,
    isTrusted: createIsTrusted(settings.trustedProxies),
    succeeded: directory.succeeded,
    logFailure,
  })
  const keys = createOfferedKeys(directory)
  const authorize = createAuthorize({
    isSaturated: hashing.isFull,
    system,
    directory,
    keys,
    verified,
    verify: createVerification({
      ...stores,
      now: system.now,
      ...createLockBook(stores, logFailure),
      rehash: createRehash({ ...stores, logFailure }),
    }),
    attempts,
    recorder,
    decided: metrics.decided,
    logFailure,
  })
  const judge = createJudge(system.now)
  const close = async (): Promise<void> => {
    news?.stop()
    feed.stop()
    reviewer.stop()
    await liveLog.stop()
    await heartbeat.stop()
    await refusals.stop()
    await binds.stop()
    await sources.stop()
    await stores.keyUses.stop()
    await attempts.close()
    await shared?.close()
    await closeDatabase(database)
  }
  const parts = {
    database,
    shared,
    attempts,
    hashing,
    directory,
    live,
    liveLog,
    metrics,
    recorder,
    refusals,
    binds,
    sources,
  }
  const floor = createFloor({
    elapsed: system.elapsed,
    floorMs: settings.limits.floorMs,
    usualMs: hashing.usualMs,
    ...hashingLimits(settings),
  })
  return {
    settings,
    system,
    log,
    ...parts,
    feed,
    liveNodes: heartbeat.liveNodes,
    isDegraded,
    authorize,
    judge,
    judgeLive: createJudgeLive(judge, keys),
    recheck: reviewer.recheck,
    floor,
    close,
  }
}
