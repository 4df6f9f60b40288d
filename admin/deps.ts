import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { Attempts, BucketView } from '../db/attempts.ts'
import type { Database } from '../db/database.ts'
import type { Hashing } from '../db/hashing.ts'
import type { LiveLog } from '../db/live-log.ts'
import type { RefusalLog } from '../db/refusals.ts'
import type { Random } from '../db/secrets.ts'
import type { Address } from '../policies/address.ts'
import type { Explain } from '../policies/imagined.ts'
import type { AuthorizeInTime } from '../policies/ports.ts'
import type { Enter } from './door.ts'
import type { KnownRoutes } from './known-routes.ts'

/** Something that a user has open in this process. */
export type LiveItem = {
  readonly id: string
  readonly kind: 'http' | 'upgrade' | 'bind'
  /** The client address. */
  readonly source: string | undefined
  /** Ms since the epoch. */
  readonly since: number
}

/** What the administration point is given; the clock and the ids are those of the database. */
export type AdminDeps = {
  readonly database: Database
  readonly attempts: Pick<Attempts, 'state'>
  readonly hashing: Pick<Hashing, 'hash'>
  /** The one road, for every call. */
  readonly authorize: AuthorizeInTime
  /** The audit of refusals, for what is refused after the decision. */
  readonly refusals: Pick<RefusalLog, 'record'>
  /** Several nodes share what cannot be reached now, so not all are sure to hear of a change at once. */
  readonly isDegraded: () => boolean
  /** What the same rules say of an attempt that nobody makes. */
  readonly explain: Explain
  /** After trusted proxies; undefined when it cannot be read, which refuses. */
  readonly clientAddressOf: (c: Context) => Address | undefined
  /** A trusted proxy speaks for itself alone; without this none ever does. */
  readonly isProxyItself?: (c: Context) => boolean
  /** What goes on of a user's in this process. */
  readonly live: { readonly of: (userId: string) => readonly LiveItem[] }
  /** Tells the directory what goes on in this process, and ends what is to be ended. */
  readonly liveLog: Pick<LiveLog, 'look'>
  /** Bytes fit for keys and tokens. */
  readonly random: Random
  readonly log: Pick<Logger, 'error'>
}

/** What every resource of the API is made of. */
export type ApiDeps = AdminDeps & {
  readonly enter: Enter
  readonly findRoute: KnownRoutes['find']
  /** The counters of a user that hold failures. */
  readonly bucketsOf: (userId: string) => Promise<readonly BucketView[]>
}
