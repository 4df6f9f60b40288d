import { sql } from 'drizzle-orm'
import { check, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { accounts } from './accounts.ts'
import { users } from './users.ts'

const ownerId = () =>
  text('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' })

const accountId = () =>
  text('account_id')
    .notNull()
    .references(() => accounts.id)

/** Secrets stand as SHA-256 in hex; the one before is good until `previousUntil` (rotation). */
export const apiKeys = sqliteTable(
  'api_keys',
  {
    id: text().primaryKey(),
    accountId: accountId(),
    userId: ownerId(),
    name: text().notNull(),
    digest: text().notNull(),
    previousDigest: text('previous_digest'),
    previousUntil: integer('previous_until'),
    /** Ranges; none allows every address that the user's own list does. */
    safelist: text({ mode: 'json' }).$type<readonly string[]>().notNull(),
    /** Narrows what the user may; null: all of it. */
    permissions: text({ mode: 'json' }).$type<readonly string[]>(),
    notBefore: integer('not_before'),
    expiresAt: integer('expires_at'),
    enabled: integer({ mode: 'boolean' }).notNull().default(true),
    lastUsedAt: integer('last_used_at'),
    lastUsedSource: text('last_used_source'),
    createdBy: text('created_by'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    version: integer().notNull().default(1),
  },
  (t) => [
    uniqueIndex('api_keys_digest').on(t.digest),
    uniqueIndex('api_keys_previous_digest')
      .on(t.previousDigest)
      .where(sql`${t.previousDigest} is not null`),
    index('api_keys_by_account').on(t.accountId, t.id),
    index('api_keys_by_user').on(t.userId, t.id),
    index('api_keys_expiring')
      .on(t.expiresAt)
      .where(sql`${t.expiresAt} is not null`),
    check('api_keys_enabled', sql`${t.enabled} in (0, 1)`),
    check('api_keys_digest_form', sql`length(${t.digest}) = 64`),
    check('api_keys_overlap', sql`(${t.previousDigest} is null) = (${t.previousUntil} is null)`),
  ],
)

/** Signed-in people (`web`), session tokens (`token`) and OAuth 2 access tokens (`bearer`). */
export const sessions = sqliteTable(
  'sessions',
  {
    id: text().primaryKey(),
    accountId: accountId(),
    userId: ownerId(),
    kind: text().notNull(),
    digest: text().notNull(),
    /** The only address it may be used from; null: any. */
    boundTo: text('bound_to'),
    source: text(),
    userAgent: text('user_agent'),
    apiKeyId: text('api_key_id').references(() => apiKeys.id, { onDelete: 'cascade' }),
    credentialEpoch: integer('credential_epoch').notNull(),
    createdAt: integer('created_at').notNull(),
    lastSeenAt: integer('last_seen_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    endedAt: integer('ended_at'),
    endReason: text('end_reason'),
  },
  (t) => [
    uniqueIndex('sessions_digest').on(t.digest),
    index('sessions_by_account')
      .on(t.accountId, t.id)
      .where(sql`${t.endedAt} is null`),
    index('sessions_by_user').on(t.userId, t.id),
    index('sessions_expiring').on(t.expiresAt),
    check('sessions_kind', sql`${t.kind} in ('web', 'token', 'bearer')`),
    check('sessions_digest_form', sql`length(${t.digest}) = 64`),
  ],
)

/** Browsers that are remembered after a second factor. */
export const devices = sqliteTable(
  'devices',
  {
    id: text().primaryKey(),
    userId: ownerId(),
    digest: text().notNull(),
    name: text().notNull().default(''),
    credentialEpoch: integer('credential_epoch').notNull(),
    createdAt: integer('created_at').notNull(),
    lastUsedAt: integer('last_used_at').notNull(),
    lastSource: text('last_source'),
    expiresAt: integer('expires_at').notNull(),
  },
  (t) => [
    uniqueIndex('devices_digest').on(t.digest),
    index('devices_by_user').on(t.userId, t.id),
    index('devices_expiring').on(t.expiresAt),
    check('devices_digest_form', sql`length(${t.digest}) = 64`),
  ],
)

/** Registered TOTP devices (RFC 6238); the seed is sealed with the installation's key. */
export const authenticators = sqliteTable(
  'authenticators',
  {
    id: text().primaryKey(),
    userId: ownerId(),
    name: text().notNull(),
    sealedSeed: text('sealed_seed').notNull(),
    confirmedAt: integer('confirmed_at'),
    /** The last time step that was accepted; no code is good twice. */
    lastStep: integer('last_step'),
    createdAt: integer('created_at').notNull(),
    lastUsedAt: integer('last_used_at'),
  },
  (t) => [index('authenticators_by_user').on(t.userId, t.id)],
)
