import { sql } from 'drizzle-orm'
import { boolean, check, index, json, pgTable, uniqueIndex } from 'drizzle-orm/pg-core'
import { accounts } from './accounts.ts'
import { text, whole } from './columns.ts'
import { users } from './users.ts'

const ownerId = () =>
  text('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' })

export const challenges = pgTable(
  'challenges',
  {
    id: text().primaryKey(),
    userId: ownerId(),
    purpose: text().notNull(),
    channel: text().notNull(),
    channels: json().notNull(),
    recipient: text().notNull().default(''),
    pinDigest: text('pin_digest'),
    attempts: whole().notNull().default(0),
    sends: whole().notNull().default(0),
    lastSentAt: whole('last_sent_at'),
    credentialEpoch: whole('credential_epoch').notNull(),
    source: text(),
    request: json().notNull(),
    createdAt: whole('created_at').notNull(),
    expiresAt: whole('expires_at').notNull(),
    solvedAt: whole('solved_at'),
  },
  (t) => [
    index('challenges_by_user').on(t.userId, t.createdAt),
    index('challenges_expiring').on(t.expiresAt),
    check('challenges_attempts', sql`${t.attempts} >= 0`),
    check('challenges_channel', sql`${t.channel} in ('email', 'sms', 'voice', 'totp')`),
  ],
)

export const invites = pgTable(
  'invites',
  {
    id: text().primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    email: text().notNull(),
    emailKey: text('email_key').notNull(),
    profile: json().notNull(),
    roleIds: json('role_ids').notNull(),
    safelist: json().notNull(),
    httpBasic: boolean('http_basic').notNull().default(false),
    smppBasic: boolean('smpp_basic').notNull().default(false),
    digest: text().notNull(),
    invitedBy: text('invited_by').notNull(),
    createdAt: whole('created_at').notNull(),
    sentAt: whole('sent_at').notNull(),
    expiresAt: whole('expires_at').notNull(),
    acceptedAt: whole('accepted_at'),
    acceptedUserId: text('accepted_user_id'),
    revokedAt: whole('revoked_at'),
    version: whole().notNull().default(1),
  },
  (t) => [
    uniqueIndex('invites_digest').on(t.digest),
    uniqueIndex('invites_pending_email')
      .on(t.accountId, t.emailKey)
      .where(sql`${t.acceptedAt} is null and ${t.revokedAt} is null`),
    index('invites_by_account').on(t.accountId, t.id),
    check('invites_one_end', sql`${t.acceptedAt} is null or ${t.revokedAt} is null`),
  ],
)

export const passwordResets = pgTable(
  'password_resets',
  {
    id: text().primaryKey(),
    userId: ownerId(),
    digest: text().notNull(),
    purpose: text().notNull(),
    source: text(),
    credentialEpoch: whole('credential_epoch').notNull(),
    createdAt: whole('created_at').notNull(),
    expiresAt: whole('expires_at').notNull(),
    usedAt: whole('used_at'),
  },
  (t) => [
    uniqueIndex('password_resets_digest').on(t.digest),
    index('password_resets_by_user').on(t.userId, t.createdAt),
    index('password_resets_expiring').on(t.expiresAt),
    check('password_resets_purpose', sql`${t.purpose} in ('created', 'reset', 'setup')`),
  ],
)
