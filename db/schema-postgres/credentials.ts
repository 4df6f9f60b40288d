import { sql } from 'drizzle-orm'
import { boolean, check, index, json, pgTable, uniqueIndex } from 'drizzle-orm/pg-core'
import { accounts } from './accounts.ts'
import { text, whole } from './columns.ts'
import { users } from './users.ts'

const ownerId = () =>
  text('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' })

const accountId = () =>
  text('account_id')
    .notNull()
    .references(() => accounts.id)

export const apiKeys = pgTable(
  'api_keys',
  {
    id: text().primaryKey(),
    accountId: accountId(),
    userId: ownerId(),
    name: text().notNull(),
    digest: text().notNull(),
    previousDigest: text('previous_digest'),
    previousUntil: whole('previous_until'),
    safelist: json().notNull(),
    permissions: json(),
    notBefore: whole('not_before'),
    expiresAt: whole('expires_at'),
    enabled: boolean().notNull().default(true),
    lastUsedAt: whole('last_used_at'),
    lastUsedSource: text('last_used_source'),
    createdBy: text('created_by'),
    createdAt: whole('created_at').notNull(),
    updatedAt: whole('updated_at').notNull(),
    version: whole().notNull().default(1),
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
    check('api_keys_digest_form', sql`length(${t.digest}) = 64`),
    check('api_keys_overlap', sql`(${t.previousDigest} is null) = (${t.previousUntil} is null)`),
  ],
)

export const sessions = pgTable(
  'sessions',
  {
    id: text().primaryKey(),
    accountId: accountId(),
    userId: ownerId(),
    kind: text().notNull(),
    digest: text().notNull(),
    boundTo: text('bound_to'),
    source: text(),
    userAgent: text('user_agent'),
    apiKeyId: text('api_key_id').references(() => apiKeys.id, { onDelete: 'cascade' }),
    credentialEpoch: whole('credential_epoch').notNull(),
    createdAt: whole('created_at').notNull(),
    lastSeenAt: whole('last_seen_at').notNull(),
    expiresAt: whole('expires_at').notNull(),
    endedAt: whole('ended_at'),
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

export const devices = pgTable(
  'devices',
  {
    id: text().primaryKey(),
    userId: ownerId(),
    digest: text().notNull(),
    name: text().notNull().default(''),
    credentialEpoch: whole('credential_epoch').notNull(),
    createdAt: whole('created_at').notNull(),
    lastUsedAt: whole('last_used_at').notNull(),
    lastSource: text('last_source'),
    expiresAt: whole('expires_at').notNull(),
  },
  (t) => [
    uniqueIndex('devices_digest').on(t.digest),
    index('devices_by_user').on(t.userId, t.id),
    index('devices_expiring').on(t.expiresAt),
    check('devices_digest_form', sql`length(${t.digest}) = 64`),
  ],
)

export const authenticators = pgTable(
  'authenticators',
  {
    id: text().primaryKey(),
    userId: ownerId(),
    name: text().notNull(),
    sealedSeed: text('sealed_seed').notNull(),
    confirmedAt: whole('confirmed_at'),
    lastStep: whole('last_step'),
    createdAt: whole('created_at').notNull(),
    lastUsedAt: whole('last_used_at'),
  },
  (t) => [index('authenticators_by_user').on(t.userId, t.id)],
)
