import { sql, type SQLWrapper } from 'drizzle-orm'
import { boolean, check, index, json, pgTable, primaryKey, uniqueIndex } from 'drizzle-orm/pg-core'
import { accounts } from './accounts.ts'
import { text, whole } from './columns.ts'

/** Printable ASCII without space and colon (drizzle-kit cuts a check off at a semicolon). */
const isUsername = (column: SQLWrapper) =>
  sql`length(${column}) between 3 and 64 and ${column} ~ '^[!-~]*$' and ${column} !~ ':'`

export const users = pgTable(
  'users',
  {
    id: text().primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    username: text().notNull(),
    usernameKey: text('username_key').notNull(),
    email: text(),
    emailKey: text('email_key'),
    emailVerified: boolean('email_verified').notNull().default(false),
    firstName: text('first_name').notNull().default(''),
    lastName: text('last_name').notNull().default(''),
    nameKey: text('name_key').notNull().default(''),
    language: text().notNull().default('en'),
    timeZone: text('time_zone').notNull().default('UTC'),
    mobileNumber: text('mobile_number'),
    mobileVerified: boolean('mobile_verified').notNull().default(false),
    enabled: boolean().notNull().default(true),
    passwordHash: text('password_hash'),
    passwordChangedAt: whole('password_changed_at'),
    smppPasswordHash: text('smpp_password_hash'),
    previousSmppPasswordHash: text('previous_smpp_password_hash'),
    previousSmppPasswordUntil: whole('previous_smpp_password_until'),
    credentialEpoch: whole('credential_epoch').notNull().default(1),
    httpBasic: boolean('http_basic').notNull().default(false),
    smppBasic: boolean('smpp_basic').notNull().default(false),
    bindLimit: whole('bind_limit'),
    bindTypes: json('bind_types'),
    submitRate: whole('submit_rate'),
    twoFactorChannel: text('two_factor_channel').notNull().default('email'),
    twoFactorMode: text('two_factor_mode').notNull().default('remembered'),
    lastSignInAt: whole('last_sign_in_at'),
    lastSignInSource: text('last_sign_in_source'),
    lastSignInChannel: text('last_sign_in_channel'),
    deletionRequestedAt: whole('deletion_requested_at'),
    createdAt: whole('created_at').notNull(),
    updatedAt: whole('updated_at').notNull(),
    version: whole().notNull().default(1),
  },
  (t) => [
    uniqueIndex('users_username').on(t.usernameKey),
    uniqueIndex('users_email').on(t.accountId, t.emailKey),
    index('users_by_id').on(t.accountId, t.id),
    index('users_by_username').on(t.accountId, t.usernameKey),
    index('users_by_name').on(t.accountId, t.nameKey, t.id),
    index('users_by_email').on(t.accountId, sql`coalesce(email_key, '')`, t.id),
    index('users_by_last_sign_in').on(t.accountId, sql`coalesce(last_sign_in_at, 0)`, t.id),
    index('users_by_creation').on(t.accountId, t.createdAt, t.id),
    index('users_by_http_basic').on(t.accountId, t.httpBasic, t.id),
    index('users_by_smpp_basic').on(t.accountId, t.smppBasic, t.id),
    index('users_disabled')
      .on(t.accountId, t.nameKey, t.id)
      .where(sql`not ${t.enabled}`),
    check('users_username_form', isUsername(t.username)),
    check('users_username_folded', sql`${t.usernameKey} = lower(${t.username})`),
    check('users_epoch', sql`${t.credentialEpoch} > 0`),
    check(
      'users_two_factor_channel',
      sql`${t.twoFactorChannel} in ('email', 'sms', 'voice', 'totp')`,
    ),
    check('users_two_factor_mode', sql`${t.twoFactorMode} in ('remembered', 'always')`),
  ],
)

export const roles = pgTable(
  'roles',
  {
    id: text().primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    name: text().notNull(),
    nameKey: text('name_key').notNull(),
    description: text().notNull().default(''),
    predefined: text(),
    permissions: json().notNull(),
    createdAt: whole('created_at').notNull(),
    updatedAt: whole('updated_at').notNull(),
    version: whole().notNull().default(1),
  },
  (t) => [
    uniqueIndex('roles_name').on(t.accountId, t.nameKey),
    uniqueIndex('roles_predefined').on(t.accountId, t.predefined),
  ],
)

export const userRoles = pgTable(
  'user_roles',
  {
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    roleId: text('role_id')
      .notNull()
      .references(() => roles.id),
    grantedAt: whole('granted_at').notNull(),
    grantedBy: text('granted_by'),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.roleId] }),
    index('user_roles_by_role').on(t.roleId, t.userId),
  ],
)

export const safelistEntries = pgTable(
  'safelist_entries',
  {
    id: text().primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    range: text().notNull(),
    description: text().notNull().default(''),
    expiresAt: whole('expires_at'),
    createdAt: whole('created_at').notNull(),
  },
  (t) => [
    uniqueIndex('safelist_entries_range').on(t.userId, t.range),
    index('safelist_entries_expiring')
      .on(t.expiresAt)
      .where(sql`${t.expiresAt} is not null`),
    check('safelist_entries_range_form', sql`length(${t.range}) > 0`),
  ],
)
