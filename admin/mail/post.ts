import { setImmediate as breathe } from 'node:timers/promises'
import type { Logger } from 'pino'
import { transact, type Database } from '../../db/database.ts'
import {
  claimNotices,
  endNotices,
  hasDueNotices,
  type Ended,
  type NoticeRow,
} from '../../db/notices.ts'
import type { Random } from '../../db/secrets.ts'
import type { Noticed } from './notices.ts'
import { retryDelays } from './smtp.ts'

export type PostSettings = {
  readonly database: Database
  /** Mails what a notice tells: one try, which has its end well within the lease. May reject. */
  readonly tell: (row: NoticeRow) => Promise<Noticed>
  readonly random: Random
  readonly log: Pick<Logger, 'warn' | 'error'>
  /** How often it looks for what other processes have recorded. */
  readonly pollMs?: number
  /** How long a notice is its own; then, should this node have died, another's. */
  readonly leaseMs?: number
  /** Ms before each further try. */
  readonly delays?: readonly number[]
}

/** Sends recorded notices, those of other processes too; each is sent by one node. */
export type Post = {
  /** Looks now. */
  readonly wake: () => void
  /** Takes nothing new, and resolves when what became of what it has is written down. */
  readonly stop: () => Promise<void>
}

/** So few that other work comes between them. */
const atOnce = 20

const isOver = (noticed: Noticed): boolean => noticed !== 'failed' && noticed !== 'waiting'

/**
 * The transactional outbox: a notice that is committed is sent, whoever dies; one that was sent by a
 * node which died before it could say so is sent again.
 */
export const createPost = (settings: PostSettings): Post => {
  const { database, tell, random, log } = settings
  const { pollMs = 2_000, leaseMs = 180_000, delays = retryDelays } = settings
  let isStopped = false
  let isWanted = false
  let running: Promise<void> | undefined

  /** Up to a quarter later than it could, so that many do not come back at once. */
  const againAfter = (delay: number): number => {
    return Math.round(delay * (1 + random(1).readUInt8() / 1024))
  }

  const attempt = async (row: NoticeRow): Promise<Noticed> => {
    try {
      return await tell(row)
    } catch (error) {
      log.error({ err: error, notice: row.id }, 'a notice could not be written')
      return 'failed'
    }
  }

  const send = async (row: NoticeRow): Promise<Ended> => {
    const noticed = await attempt(row)
    const { id, tries } = row
    if (isOver(noticed)) return { id, outcome: noticed }
    // What the stop has cut short is for whoever looks next.
    if (isStopped) return { id, againMs: 0 }
    const delay = delays[tries - 1]
    if (delay !== undefined) return { id, againMs: againAfter(delay) }
    log.error({ notice: id, tries }, 'a notice was given up')
    return { id, outcome: 'failed' }
  }

  /** Whether there was anything to send. */
  const sendSome = async (): Promise<boolean> => {
    if (isStopped || !(await hasDueNotices(database))) return false
    const claim = database.newId()
    const rows = await transact(database, (tx) =>
      claimNotices(tx, { claim, limit: atOnce, leaseMs }),
    )
    if (rows.length === 0) return false
    const ended = await Promise.all(rows.map(send))
    await transact(database, (tx) => endNotices(tx, claim, ended))
    return true
  }

  const run = async (): Promise<void> => {
    try {
      while (isWanted && !isStopped) {
        isWanted = false
        while (await sendSome()) await breathe()
      }
    } catch (error) {
      log.error({ err: error }, 'notices could not be looked for; that is tried again')
    }
  }

  const wake = (): void => {
    isWanted = true
    running ??= run().finally(() => {
      running = undefined
    })
  }
  /** Nobody waits for mails. */
  const follow = async (): Promise<void> => {
    wake()
  }
  const timer = setInterval(wake, pollMs).unref()
  database.followers.add(follow)
  wake()

  return {
    wake,
    stop: async () => {
      isStopped = true
      clearInterval(timer)
      database.followers.delete(follow)
      await running
    },
  }
}
