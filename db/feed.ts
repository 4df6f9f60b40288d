import { findChangesSince, lastChange, type Change } from './changes.ts'
import type { Database } from './database.ts'

export type Feed = {
  /** Looks now; resolves when all news up to now has been told. Never rejects. */
  readonly poll: () => Promise<void>
  /** Ms since it was last known that nothing was missed (the age of the policy). */
  readonly age: () => number
  readonly stop: () => void
}

export type FeedOptions = {
  readonly database: Database
  /** Ms that never run backwards: a clock that is set makes no news young. */
  readonly elapsed: () => number
  readonly pollMs?: number
  readonly onChange: (change: Change) => void
  /** The directory went back, to a copy or to a server that lagged behind: nothing told is certain. */
  readonly onReturn: () => void
  /** Told once when the changes cannot be read, and once, with how long that lasted, when they can. */
  readonly onLost: (error: unknown) => void
  readonly onFound: (lostMs: number) => void
  /** What `onChange` and `onReturn` throw; the feed goes on. */
  readonly onError: (error: unknown) => void
}

const isSame = (one: Change, other: Change | undefined): boolean =>
  one.seq === other?.seq &&
  one.at === other.at &&
  one.accountId === other.accountId &&
  one.userId === other.userId &&
  one.kind === other.kind

const findLast = async (database: Database): Promise<Change | undefined> =>
  (await findChangesSince(database, (await lastChange(database)) - 1, 1))[0]

/** What follows the last change that was told; undefined when that one is not there any more. */
const findNews = async (
  database: Database,
  last: Change | undefined,
): Promise<readonly Change[] | undefined> => {
  if (last === undefined) return findChangesSince(database, 0)
  const [known, ...news] = await findChangesSince(database, last.seq - 1)
  return isSame(last, known) ? news : undefined
}

/** Tells of an outage at its beginning and at its end. */
const createOutage = ({ elapsed, onLost, onFound }: FeedOptions) => {
  let since: number | undefined
  return {
    lost: (error: unknown): void => {
      if (since === undefined) onLost(error)
      since ??= elapsed()
    },
    found: (): void => {
      if (since !== undefined) onFound(elapsed() - since)
      since = undefined
    },
  }
}

/**
 * Tells every change after its making, in order, once: of this process before `transact` resolves,
 * of others within `pollMs`. Make it before anything is cached.
 */
export const createFeed = async (options: FeedOptions): Promise<Feed> => {
  const { database, elapsed, pollMs = 1000, onChange, onReturn, onError } = options
  const outage = createOutage(options)
  let currentAt = elapsed()
  let last = await findLast(database)
  let isStopped = false
  let running: Promise<void> | undefined
  let isWanted = false

  const tell = (work: () => void): void => {
    try {
      work()
    } catch (error) {
      onError(error)
    }
  }
  const catchUp = async (): Promise<void> => {
    const lookedAt = elapsed()
    for (;;) {
      const news = await findNews(database, last)
      const now = news === undefined ? await findLast(database) : undefined
      if (isStopped) return
      outage.found()
      if (news === undefined) {
        last = now
        tell(onReturn)
        continue
      }
      for (const change of news) {
        last = change
        tell(() => {
          onChange(change)
        })
      }
      if (news.length === 0) break
    }
    currentAt = lookedAt
  }
  const run = async (): Promise<void> => {
    try {
      while (isWanted && !isStopped) {
        isWanted = false
        await catchUp()
      }
    } catch (error) {
      if (!isStopped) outage.lost(error)
    }
  }
  const poll = (): Promise<void> => {
    isWanted = true
    running ??= run().finally(() => {
      running = undefined
    })
    return running
  }
  const timer = setInterval(() => void poll(), pollMs).unref()
  database.followers.add(poll)
  await poll()
  return {
    poll,
    age: () => Math.max(0, elapsed() - currentAt),
    stop: () => {
      isStopped = true
      clearInterval(timer)
      database.followers.delete(poll)
    },
  }
}
