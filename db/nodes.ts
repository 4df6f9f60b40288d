import { and, asc, eq, gt, lte, ne, sql, type SQL } from 'drizzle-orm'
import { transact, type Database, type Reader, type Transaction } from './database.ts'
import { createIsOutdated } from './schema-version.ts'
import { nodes } from './schema/nodes.ts'

/** A process that serves this directory, as it last told of itself; times in ms. */
export type Node = typeof nodes.$inferSelect

/** How often a node tells that it lives. */
const BEAT_MS = 5_000

/** A node that was silent for so long is gone. */
const SILENT_MS = 30_000

/**
 * The time by which signs of life are told and judged: of the server that all machines share, since
 * their own clocks differ. A file is shared on one machine, which has one clock.
 */
const sharedTime = (reader: Reader): SQL<number> =>
  reader.dialect === 'postgres'
    ? sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`
    : sql`${reader.now()}`

const silentSince = (reader: Reader): SQL<number> => sql`${sharedTime(reader)} - ${SILENT_MS}`

/** Whether a node lives, as far as anybody knows. */
export const isAlive = (reader: Reader) => gt(nodes.seenAt, silentSince(reader))

/** The nodes that live, by their names. */
export const findNodes = (reader: Reader): Promise<readonly Node[]> =>
  reader.queries.select().from(nodes).where(isAlive(reader)).orderBy(asc(nodes.name), asc(nodes.id))

/** Tells of one node, forgets those that are gone, and finds those that are left. */
const recordNode = async (
  tx: Transaction,
  node: Omit<Node, 'seenAt'>,
): Promise<readonly Node[]> => {
  const { id, ...told } = { ...node, seenAt: sharedTime(tx) }
  await tx.queries
    .insert(nodes)
    .values({ id, ...told })
    .onConflictDoUpdate({ target: nodes.id, set: told })
  const isGone = and(lte(nodes.seenAt, silentSince(tx)), ne(nodes.id, id))
  await tx.queries.delete(nodes).where(isGone)
  return findNodes(tx)
}

const removeNode = async (tx: Transaction, id: string): Promise<void> => {
  await tx.queries.delete(nodes).where(eq(nodes.id, id))
}

export type HeartbeatOptions = {
  readonly database: Database
  readonly node: Pick<Node, 'id' | 'name' | 'version' | 'startedAt'>
  /** How old this node's knowledge of changes is, in ms. */
  readonly policyAge: () => number
  readonly isDegraded: () => boolean
  /** Told once when the sign of life cannot be written, and again only after it could be. */
  readonly onError: (error: unknown) => void
  /** Told once: a newer version has changed the schema since this node opened the database. */
  readonly onOutdated: () => void
}

export type Heartbeat = {
  readonly nodeId: string
  /** The last known number of nodes, this one among them. */
  readonly liveNodes: () => number
  /** They themselves, as they told of themselves by then. */
  readonly nodes: () => readonly Node[]
  /** A newer version has changed the schema, so this node should make room for one of that. */
  readonly isOutdated: () => boolean
  /** Tells now. Never rejects. */
  readonly beat: () => Promise<void>
  /** Takes this node off the list. */
  readonly stop: () => Promise<void>
}

/** Makes this process a node; it tells of itself at once and then every five seconds. */
export const createHeartbeat = async (options: HeartbeatOptions): Promise<Heartbeat> => {
  const { database, node, onError } = options
  const askIfOutdated = createIsOutdated(database)
  let known: readonly Node[] = []
  let isOutdated = false
  let isHeard = true
  let beating: Promise<void> | undefined

  const attempt = async (write: () => Promise<void>): Promise<void> => {
    try {
      await write()
      isHeard = true
    } catch (error) {
      if (isHeard) onError(error)
      isHeard = false
    }
  }
  const tell = (): Promise<void> => {
    const policyAge = Math.round(options.policyAge())
    const told = { ...node, policyAge, degraded: options.isDegraded() }
    return attempt(async () => {
      if (!isOutdated && (await askIfOutdated())) {
        isOutdated = true
        options.onOutdated()
      }
      known = await transact(database, (tx) => recordNode(tx, told))
    })
  }
  const beat = (): Promise<void> => {
    beating ??= tell().finally(() => {
      beating = undefined
    })
    return beating
  }
  const timer = setInterval(() => void beat(), BEAT_MS).unref()
  await beat()
  return {
    nodeId: node.id,
    liveNodes: () => Math.max(1, known.length),
    nodes: () => known,
    isOutdated: () => isOutdated,
    beat,
    stop: async () => {
      clearInterval(timer)
      await beating
      await attempt(() => transact(database, (tx) => removeNode(tx, node.id)))
    },
  }
}
