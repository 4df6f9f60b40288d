import { readFileSync } from 'node:fs'
import { findPackageJSON } from 'node:module'
import { hostname } from 'node:os'
import type { Logger } from 'pino'
import type { Database } from '../db/database.ts'
import { createHeartbeat, type Heartbeat } from '../db/nodes.ts'

const readVersion = (): string => {
  const file = findPackageJSON(import.meta.url)
  const { version } = JSON.parse(file === undefined ? '{}' : readFileSync(file, 'utf8')) as {
    readonly version?: string
  }
  return version ?? 'unknown'
}

/** Makes this process one of the nodes that serve the directory. */
export const joinNodes = ({
  database,
  name = `${hostname()}:${process.pid}`,
  log,
  ...state
}: {
  readonly database: Database
  readonly name?: string | undefined
  readonly log: Logger
  readonly policyAge: () => number
  readonly isDegraded: () => boolean
}): Promise<Heartbeat> =>
  createHeartbeat({
    ...state,
    database,
    node: { id: database.newId(), name, version: readVersion(), startedAt: database.now() },
    onError: (error) => {
      log.error({ err: error }, 'this node could not tell that it lives; it goes on trying')
    },
    onOutdated: () => {
      log.error('a newer version has changed the schema: this node is to be replaced by one of it')
    },
  })
