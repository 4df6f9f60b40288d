import type { Attempts } from '../db/attempts.ts'
import type { Change } from '../db/changes.ts'
import type { Fingerprints } from '../db/secrets.ts'
import type { User } from '../policies/facts.ts'
import type { Directory } from './directory.ts'
import type { Live } from './live.ts'

export type ReviewerDeps = {
  readonly directory: Directory
  readonly live: Live
  readonly attempts: Attempts
  readonly fingerprints: Fingerprints
  readonly logFailure: (error: unknown) => void
}

/** Brings changes into force: forgets what was cached, and ends what is no longer permitted. */
export type Reviewer = {
  readonly onChange: (change: Change) => void
  /** The directory went back: forgets all that was cached of it, and looks at everything live. */
  readonly onReturn: () => void
  /** Something of this user has just become live: what changed since its decision was no news to it. */
  readonly recheck: (user: User) => void
  readonly stop: () => void
}

/** Entries of a safelist expire without a change, so everything live is looked at now and then. */
const LOOK_MS = 5_000

export const createReviewer = (deps: ReviewerDeps): Reviewer => {
  const { directory, live, attempts, fingerprints, logFailure } = deps

  const review = async (userId: string): Promise<void> => {
    try {
      live.review(userId, await directory.findById(userId))
    } catch (error) {
      // Who cannot be looked up cannot be vouched for.
      logFailure(error)
      live.endOf(userId, 'unavailable')
    }
  }
  const reviewAll = (): void => {
    for (const userId of [...live.users()]) void review(userId)
  }
  const look = setInterval(reviewAll, LOOK_MS).unref()

  return {
    onChange: (change) => {
      directory.drop(change)
      const { userId, kind, at } = change
      if (userId !== null && kind === 'unlock')
        attempts.unlock(fingerprints.userKey({ userId }), at).catch(logFailure)
      if (userId === null) reviewAll()
      else if (live.has(userId)) void review(userId)
    },
    onReturn: () => {
      directory.forgetAll()
      reviewAll()
    },
    recheck: (user) => {
      if (directory.peekById(user.id)?.user !== user) void review(user.id)
    },
    stop: () => {
      clearInterval(look)
    },
  }
}
