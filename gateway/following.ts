import type { Change } from '../db/changes.ts'
import type { Database } from '../db/database.ts'
import { createFeed, type Feed } from '../db/feed.ts'
import { createFailureLog } from './log.ts'
import type { StoresDeps } from './stores.ts'

/** Who brings changes into force. */
export type Follower = {
  readonly onChange: (change: Change) => void
  /** The directory went back to what it was before: nothing that was heard of it holds. */
  readonly onReturn?: () => void
}

/** Half of the second within which a change made by another process has to be in force. */
const NEWS_POLL_MS = 500

/** Reads the changes; they are told to those who follow by then, before whom nothing was cached. */
export const openFollowing = async (
  { system, log }: Pick<StoresDeps, 'system' | 'log'>,
  database: Database,
): Promise<{ readonly feed: Feed; readonly follow: (follower: Follower) => void }> => {
  const followers: Follower[] = []
  const feed = await createFeed({
    database,
    elapsed: system.elapsed,
    pollMs: NEWS_POLL_MS,
    onChange: (change) => {
      for (const { onChange } of followers) onChange(change)
    },
    onReturn: () => {
      log.error('the directory went back to what it was before: it is read anew')
      for (const { onReturn } of followers) onReturn?.()
    },
    onLost: (error) => {
      log.error({ err: error }, 'changes cannot be read: what is known goes on, and grows old')
    },
    onFound: (lostMs) => {
      log.warn({ lostMs: Math.round(lostMs) }, 'changes can be read again')
    },
    onError: createFailureLog(log, 'news of a change could not be heard'),
  })
  return { feed, follow: (follower) => void followers.push(follower) }
}
