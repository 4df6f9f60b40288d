import type { Change } from './changes.ts'
import { transact, type Database } from './database.ts'
import {
  countWritten,
  findEndsAsked,
  findWritten,
  writeLiveObjects,
  type LiveObjectRow,
} from './live-objects.ts'

export type LiveLogOptions = {
  readonly database: Database
  readonly nodeId: string
  /** What this process has open, but for what will be over in a moment. */
  readonly open: () => Iterable<LiveObjectRow>
  /** Ends one of these. */
  readonly end: (id: string) => void
  /** Told once when it cannot be written down, and again only after it could be. */
  readonly onError: (error: unknown) => void
}

/** Keeps the directory told of what this process has open, and ends what somebody wants ended. */
export type LiveLog = {
  /** Looks now; resolves when all nodes can know what this one has open. Never rejects. */
  readonly look: () => Promise<void>
  readonly onChange: (change: Change) => void
  readonly stop: () => Promise<void>
}

const LOOK_MS = 2_000

/** So few that a transaction of them holds up nothing else for long. */
const rowsAtOnce = 500

export const createLiveLog = (options: LiveLogOptions): LiveLog => {
  const { database, nodeId, onError } = options
  /** What is written down; undefined while that is not known. */
  let written: ReadonlySet<string> | undefined = new Set()
  let isHeard = true
  let looking: Promise<void> | undefined
  let isWanted = false

  /** Others let go of the rows of a node that they took for dead, so its own word is not enough. */
  const findKnown = async (): Promise<ReadonlySet<string>> =>
    written !== undefined && (await countWritten(database, nodeId)) === written.size
      ? written
      : new Set(await findWritten(database, nodeId))

  const write = async (): Promise<void> => {
    const [first] = options.open()
    if (written?.size === 0 && first === undefined) return
    const known = await findKnown()
    written = undefined
    const open = new Set<string>()
    const opened: LiveObjectRow[] = []
    for (const row of options.open()) {
      open.add(row.id)
      if (!known.has(row.id)) opened.push(row)
    }
    const gone = [...known].filter((id) => !open.has(id))
    for (let at = 0; at < Math.max(opened.length, gone.length); at += rowsAtOnce) {
      const part = {
        opened: opened.slice(at, at + rowsAtOnce),
        gone: gone.slice(at, at + rowsAtOnce),
      }
      await transact(database, (tx) => writeLiveObjects(tx, nodeId, part))
    }
    written = open
  }
  const endAsked = async (): Promise<void> => {
    if (written?.size === 0) return
    for (const id of await findEndsAsked(database, nodeId)) options.end(id)
  }
  const run = async (): Promise<void> => {
    while (isWanted) {
      isWanted = false
      try {
        await endAsked()
        await write()
        isHeard = true
      } catch (error) {
        if (isHeard) onError(error)
        isHeard = false
      }
    }
  }
  const look = (): Promise<void> => {
    isWanted = true
    looking ??= run().finally(() => {
      looking = undefined
    })
    return looking
  }
  const timer = setInterval(() => void look(), LOOK_MS).unref()
  return {
    look,
    onChange: ({ kind }) => {
      if (kind === 'session' && written?.size !== 0) void look()
    },
    stop: async () => {
      clearInterval(timer)
      await looking
    },
  }
}
