import type { Logger } from 'pino'
import type { Attempts, BucketLock } from '../db/attempts.ts'
import type { BindLog } from '../db/binds.ts'
import { closeDatabase, transact, type Database } from '../db/database.ts'
import type { Feed } from '../db/feed.ts'
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
import { createDirectory, type Directory } from './directory.ts'
import { createFloor, type Floor } from './floor.ts'
import { openFollowing } from './following.ts'
import { createJudge, createJudgeLive, type Judge, type JudgeLive } from './judge.ts'
import { createLive, type Live } from './live.ts'
import { createFailureLog } from './log.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { joinNodes } from './nodes.ts'
import { createOfferedKeys } from './offered-keys.ts'
import { createRecorder, type Recorder } from './record.ts'
import type { Shared } from './redis.ts'
import { createRehash } from './rehash.ts'
import { createReviewer } from './reviewer.ts'
import type { Settings } from './settings-value.ts'
import { createStores, hashingLimits, openGround, type Stores, type StoresDeps } from './stores.ts'
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
  readonly isOutdated: Heartbeat['isOutdated']
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
const createLockBook = ({ database }: Stores, { now }: System, log: Logger) => ({
  recordLock: (userId: string, lock: BucketLock) => {
    transact(database, (tx) => recordLock(tx, { userId, lock })).catch(
      createFailureLog(
        log,
        'a lock could not be written down: it holds until the counters are lost',
      ),
    )
  },
  forgetLock: (userId: string, bucket: string) => {
    const change = { actor: systemActor, userId, bucket, over: now() }
    transact(database, (tx) => clearLocks(tx, change)).catch(
      createFailureLog(log, 'a lock that is over could not be taken off the directory'),
    )
  },
})

/** Opens the database and wires the one road. Throws one clear line when it cannot. */
export const openCore = async (deps: CoreDeps): Promise<Core> => {
  const { settings, system, log } = deps
  const failure = (what: string) => createFailureLog(log, what)
  const ground = await openGround(deps)
  const { database, shared } = ground
  const isDegraded = (): boolean => shared?.redis.isAway() ?? false
  const { feed, follow } = await openFollowing(deps, database)
  const heartbeat = await joinNodes({
    ...{ database, log, isDegraded },
    name: settings.nodeName,
    policyAge: feed.age,
  })
  const { liveNodes } = heartbeat
  const stores = createStores(deps, ground, liveNodes)
  const { attempts, hashing, refusals, binds, sources } = stores
  const directory = createWiredDirectory(deps, stores)
  const live = createLive()
  const metrics = createMetrics({
    passwordQueue: hashing.waiting,
    degraded: isDegraded,
    policyAgeMs: feed.age,
    nodes: liveNodes,
    toldByNodes: heartbeat.nodes,
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
  const reviewer = createReviewer({
    ...stores,
    directory,
    live,
    logFailure: failure('a change could not be brought into force'),
  })
  follow({
    onChange: reviewer.onChange,
    onReturn: () => {
      verified.forgetAll()
      reviewer.onReturn()
    },
  })
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
  follow(liveLog)
  const news = shared && shareNews({ database, feed, broadcast: shared.broadcast })
  const recorder = createRecorder({
    ...stores,
    newId: database.newId,
    succeeded: directory.succeeded,
    logFailure: failure('a refusal could not be counted'),
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
      ...createLockBook(stores, system, log),
      rehash: createRehash({
        ...stores,
        logFailure: failure('a password could not be hashed anew; the next one that comes is'),
      }),
    }),
    attempts,
    recorder,
    decided: metrics.decided,
    logFailure: failure('a decision failed and was refused'),
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
    ...stores,
    directory,
    live,
    liveLog,
    metrics,
    recorder,
    feed,
    liveNodes,
    isOutdated: heartbeat.isOutdated,
    isDegraded,
    authorize,
    judge,
    judgeLive: createJudgeLive(judge, keys),
    recheck: reviewer.recheck,
    floor,
    close,
  }
}
