import { sql } from 'drizzle-orm'
import { check, index, integer, sqliteTable, text, uniqueIndex } from 'drizzle-orm/sqlite-core'
import { accounts } from './accounts.ts'
import { users } from './users.ts'

const ownerId = () =>
  text('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' })

/** A second factor that is owed: one live PIN, kept as HMAC with the installation's key. */
export const challenges = sqliteTable(
  'challenges',
  {
    id: text().primaryKey(),
    userId: ownerId(),
    purpose: text().notNull(),
    channel: text().notNull(),
    channels: text({ mode: 'json' }).$type<readonly string[]>().notNull(),
    recipient: text().notNull().default(''),
    pinDigest: text('pin_digest'),
    attempts: integer().notNull().default(0),
    sends: integer().notNull().default(0),
    lastSentAt: integer('last_sent_at'),
    credentialEpoch: integer('credential_epoch').notNull(),
    source: text(),
    /** What the solver asked for when signing in: `unsafe`, and which kind of session. */
    request: text({ mode: 'json' }).$type<Readonly<Record<string, unknown>>>().notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    solvedAt: integer('solved_at'),
  },
  (t) => [
    index('challenges_by_user').on(t.userId, t.createdAt),
    index('challenges_expiring').on(t.expiresAt),
    check('challenges_attempts', sql`${t.attempts} >= 0`),
    check('challenges_channel', sql`${t.channel} in ('email', 'sms', 'voice', 'totp')`),
  ],
)

/** What an invited person will be: roles are checked again against the inviter's on acceptance. */
export const invites = sqliteTable(
  'invites',
  {
    id: text().primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    email: text().notNull(),
    emailKey: text('email_key').notNull(),
    profile: text({ mode: 'json' }).$type<Readonly<Record<string, unknown>>>().notNull(),
    roleIds: text('role_ids', { mode: 'json' }).$type<readonly string[]>().notNull(),
    safelist: text({ mode: 'json' }).$type<readonly unknown[]>().notNull(),
    httpBasic: integer('http_basic', { mode: 'boolean' }).notNull().default(false),
    smppBasic: integer('smpp_basic', { mode: 'boolean' }).notNull().default(false),
    digest: text().notNull(),
    invitedBy: text('invited_by').notNull(),
    createdAt: integer('created_at').notNull(),
    sentAt: integer('sent_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    acceptedAt: integer('accepted_at'),
    acceptedUserId: text('accepted_user_id'),
    revokedAt: integer('revoked_at'),
    version: integer().notNull().default(1),
  },
  (t) => [
    uniqueIndex('invites_digest').on(t.digest),
    uniqueIndex('invites_pending_email')
      .on(t.accountId, t.emailKey)
      .where(sql`${t.acceptedAt} is null and ${t.revokedAt} is null`),
    index('invites_by_account').on(t.accountId, t.id),
    check('invites_http_basic', sql`${t.httpBasic} in (0, 1)`),
    check('invites_smpp_basic', sql`${t.smppBasic} in (0, 1)`),
    check('invites_one_end', sql`${t.acceptedAt} is null or ${t.revokedAt} is null`),
  ],
)

/** Links by which a password is set: single use, an hour for resets. */
export const passwordResets = sqliteTable(
  'password_resets',
  {
    id: text().primaryKey(),
    userId: ownerId(),
    digest: text().notNull(),
    purpose: text().notNull(),
    source: text(),
    credentialEpoch: integer('credential_epoch').notNull(),
    createdAt: integer('created_at').notNull(),
    expiresAt: integer('expires_at').notNull(),
    usedAt: integer('used_at'),
  },
  (t) => [
    uniqueIndex('password_resets_digest').on(t.digest),
    index('password_resets_by_user').on(t.userId, t.createdAt),
    index('password_resets_expiring').on(t.expiresAt),
    check('password_resets_purpose', sql`${t.purpose} in ('created', 'reset', 'setup')`),
  ],
)
