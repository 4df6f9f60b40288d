import { and, desc, eq, gt, gte, isNull, or, sql } from 'drizzle-orm'
import { rememberMs } from '../policies/bucket.ts'
import type { User } from '../policies/facts.ts'
import { foldUsername } from '../policies/names.ts'
import { compilePermissions } from '../policies/permissions.ts'
import { compileStoredSafelist } from '../policies/safelist.ts'
import { lockoutRulesOf, readAccountSettings, type AccountSettings } from './account-settings.ts'
import { findChangesSince, lastChange } from './changes.ts'
import type { Queries, Reader } from './database.ts'
import { lockOf, type Lock } from './locks.ts'
import { grantsOfRole } from './roles.ts'
import { accounts } from './schema/accounts.ts'
import { locks, sources } from './schema/audit.ts'
import { roles, safelistEntries, userRoles, users } from './schema/users.ts'

/** `bindTypes` and `submitRate` (messages a second) are undefined when they are not limited. */
export type SmppLimits = {
  readonly binds: number
  readonly bindTypes: readonly string[] | undefined
  readonly submitRate: number | undefined
}

/** All that an enforcement point needs of a user, as it was at change `asOf`. */
export type Principal = {
  readonly user: User
  readonly passwordHash: string | undefined
  readonly smppPasswordHash: string | undefined
  /** The SMPP password before this one; absent when its time is over. */
  readonly previousSmppPassword: { readonly hash: string; readonly validUntil: number } | undefined
  /** Locks in force, by bucket as the counters name it: until then, in ms; Infinity: until unlocked. */
  readonly locks: ReadonlyMap<string, number>
  /** Locks as they were written, those of the last 30 days that are over too: they lengthen the next. */
  readonly writtenLocks: readonly Lock[]
  /** By source group: when this user last succeeded from there; 30 days, the 1,000 latest. */
  readonly knownSources: ReadonlyMap<string, number>
  readonly accountSettings: AccountSettings
  /** What a bind of this user may be and do. */
  readonly smppLimits: SmppLimits
  /** The stored safelist cannot be read: the user is refused everywhere, and somebody must be told. */
  readonly broken: string | undefined
  /** What changed up to this number is in it; what came later may not be. */
  readonly asOf: number
}

const mostSources = 1000

const selection = (queries: Queries) =>
  queries
    .select({
      id: users.id,
      accountId: users.accountId,
      username: users.username,
      credentialEpoch: users.credentialEpoch,
      enabled: users.enabled,
      httpBasic: users.httpBasic,
      smppBasic: users.smppBasic,
      passwordHash: users.passwordHash,
      smppPasswordHash: users.smppPasswordHash,
      previousSmppPasswordHash: users.previousSmppPasswordHash,
      previousSmppPasswordUntil: users.previousSmppPasswordUntil,
      bindLimit: users.bindLimit,
      bindTypes: users.bindTypes,
      submitRate: users.submitRate,
      settings: accounts.settings,
    })
    .from(users)
    .innerJoin(accounts, eq(accounts.id, users.accountId))

const byName = (queries: Queries) =>
  selection(queries)
    .where(eq(users.usernameKey, sql.placeholder('key')))
    .prepare()

const byId = (queries: Queries) =>
  selection(queries)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare()

const grants = (queries: Queries) =>
  queries
    .select({ predefined: roles.predefined, permissions: roles.permissions })
    .from(userRoles)
    .innerJoin(roles, eq(roles.id, userRoles.roleId))
    .where(eq(userRoles.userId, sql.placeholder('id')))
    .prepare()

const entries = (queries: Queries) =>
  queries
    .select({ range: safelistEntries.range, expiresAt: safelistEntries.expiresAt })
    .from(safelistEntries)
    .where(eq(safelistEntries.userId, sql.placeholder('id')))
    .prepare()

const written = (queries: Queries) =>
  queries
    .select()
    .from(locks)
    .where(
      and(
        eq(locks.userId, sql.placeholder('id')),
        or(isNull(locks.until), gt(locks.until, sql.placeholder('since'))),
      ),
    )
    .prepare()

const successes = (queries: Queries) =>
  queries
    .select({ group: sources.sourceGroup, lastAt: sources.lastAt })
    .from(sources)
    .where(
      and(
        eq(sources.userId, sql.placeholder('id')),
        eq(sources.outcome, 'permitted'),
        gte(sources.lastAt, sql.placeholder('since')),
      ),
    )
    .orderBy(desc(sources.lastAt))
    .limit(mostSources)
    .prepare()

/** Groups from which the user succeeded since then, the latest first. */
const findKnownSources = async (
  reader: Reader,
  userId: string,
  since: number,
): Promise<ReadonlyMap<string, number>> => {
  const known = new Map<string, number>()
  for (const { group, lastAt } of await reader.prepared(successes).execute({ id: userId, since })) {
    if (!known.has(group)) known.set(group, lastAt)
  }
  return known
}

type Row = Awaited<ReturnType<ReturnType<typeof byName>['execute']>>[number]

const previousOf = (row: Row, now: number): Principal['previousSmppPassword'] => {
  const { previousSmppPasswordHash: hash, previousSmppPasswordUntil: validUntil } = row
  return hash !== null && validUntil !== null && validUntil > now ? { hash, validUntil } : undefined
}

const compile = async (reader: Reader, row: Row): Promise<Omit<Principal, 'asOf'>> => {
  const { id } = row
  const now = reader.now()
  const since = now - rememberMs
  // Side by side, so that little can change in between where each is a way to a server and back.
  const [held, ranges, rows, knownSources] = await Promise.all([
    reader.prepared(grants).execute({ id }),
    reader.prepared(entries).execute({ id }),
    reader.prepared(written).execute({ id, since }),
    findKnownSources(reader, id, since),
  ])
  const writtenLocks = rows.map(lockOf)
  const { safelist, faults } = compileStoredSafelist(ranges)
  const accountSettings = readAccountSettings(row.settings)
  return {
    user: {
      id,
      accountId: row.accountId,
      username: row.username,
      credentialEpoch: row.credentialEpoch,
      enabled: row.enabled,
      safelist,
      apiAccess: { http: row.httpBasic, smpp: row.smppBasic },
      permissions: compilePermissions(held.flatMap(grantsOfRole)),
      lockoutRules: lockoutRulesOf(accountSettings),
    },
    passwordHash: row.passwordHash ?? undefined,
    smppPasswordHash: row.smppPasswordHash ?? undefined,
    previousSmppPassword: previousOf(row, now),
    locks: new Map(
      writtenLocks
        .filter(({ lockedUntil }) => lockedUntil > now)
        .map(({ bucket, lockedUntil }) => [bucket, lockedUntil]),
    ),
    writtenLocks,
    knownSources,
    accountSettings,
    smppLimits: {
      binds: row.bindLimit ?? accountSettings.bindLimit,
      bindTypes: row.bindTypes ?? undefined,
      submitRate: row.submitRate ?? undefined,
    },
    broken: faults[0]?.message,
  }
}

/** While one user changes as fast as it can be written, some reading in between comes out whole. */
const manyTries = 20

/** More than these are not looked through. */
const mostChanges = 500

/** Whether a principal that was read since change `since` may be half old and half new. */
const isStale = async (
  reader: Reader,
  { id, accountId }: Pick<User, 'id' | 'accountId'>,
  since: number,
): Promise<boolean> => {
  const news = await findChangesSince(reader, since, mostChanges)
  return (
    news.length === mostChanges ||
    news.some((it) => it.userId === id || (it.userId === null && it.accountId === accountId))
  )
}

/** Several statements see one state when no change of this user came between first and last. */
const between = async (
  reader: Reader,
  find: () => Promise<Row | undefined>,
): Promise<Principal | undefined> => {
  let before = await lastChange(reader)
  for (let tries = 1; ; tries++) {
    const row = await find()
    const principal = row && (await compile(reader, row))
    const asOf = await lastChange(reader)
    if (asOf === before || principal === undefined) return principal && { ...principal, asOf }
    if (!(await isStale(reader, principal.user, before))) return { ...principal, asOf }
    if (tries >= manyTries) throw new Error('the user changes faster than it can be read')
    before = asOf
  }
}

/** The user of a name, folded or not; undefined when there is none. */
export const findPrincipal = (reader: Reader, username: string): Promise<Principal | undefined> => {
  const key = foldUsername(username)
  return between(reader, async () => (await reader.prepared(byName).execute({ key }))[0])
}

export const findPrincipalById = (reader: Reader, id: string): Promise<Principal | undefined> =>
  between(reader, async () => (await reader.prepared(byId).execute({ id }))[0])
