import { sql, type SQLWrapper } from 'drizzle-orm'
import {
  check,
  index,
  integer,
  primaryKey,
  sqliteTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/sqlite-core'
import { accounts } from './accounts.ts'

/** A switch that is neither 0 nor 1 would be read as true. */
const isSwitch = (column: SQLWrapper) => sql`${column} in (0, 1)`

/** Printable ASCII without space and colon (drizzle-kit cuts a check off at a semicolon). */
const isUsername = (column: SQLWrapper) =>
  sql`length(${column}) between 3 and 64 and ${column} not glob '*[^!-~]*' and ${column} not glob '*:*'`

export const users = sqliteTable(
  'users',
  {
    id: text().primaryKey(),
    accountId: text('account_id')
      .notNull()
      .references(() => accounts.id),
    username: text().notNull(),
    /** The username folded; unique over all accounts. */
    usernameKey: text('username_key').notNull(),
    email: text(),
    emailKey: text('email_key'),
    emailVerified: integer('email_verified', { mode: 'boolean' }).notNull().default(false),
    firstName: text('first_name').notNull().default(''),
    lastName: text('last_name').notNull().default(''),
    /** First and last name in lower case: what lists sort by. */
    nameKey: text('name_key').notNull().default(''),
    language: text().notNull().default('en'),
    timeZone: text('time_zone').notNull().default('UTC'),
    mobileNumber: text('mobile_number'),
    mobileVerified: integer('mobile_verified', { mode: 'boolean' }).notNull().default(false),
    enabled: integer({ mode: 'boolean' }).notNull().default(true),
    passwordHash: text('password_hash'),
    passwordChangedAt: integer('password_changed_at'),
    smppPasswordHash: text('smpp_password_hash'),
    /** The SMPP password before this one, good until then: ESMEs are changed one after the other. */
    previousSmppPasswordHash: text('previous_smpp_password_hash'),
    previousSmppPasswordUntil: integer('previous_smpp_password_until'),
    /** Grows whenever a secret changes. */
    credentialEpoch: integer('credential_epoch').notNull().default(1),
    httpBasic: integer('http_basic', { mode: 'boolean' }).notNull().default(false),
    smppBasic: integer('smpp_basic', { mode: 'boolean' }).notNull().default(false),
    /** Most binds at once; null: as the account says. */
    bindLimit: integer('bind_limit'),
    /** How the user may bind; null: in each way. */
    bindTypes: text('bind_types', { mode: 'json' }).$type<readonly string[]>(),
    /** Messages a second; null: as many as come. */
    submitRate: integer('submit_rate'),
    twoFactorChannel: text('two_factor_channel').notNull().default('email'),
    twoFactorMode: text('two_factor_mode').notNull().default('remembered'),
    lastSignInAt: integer('last_sign_in_at'),
    lastSignInSource: text('last_sign_in_source'),
    lastSignInChannel: text('last_sign_in_channel'),
    deletionRequestedAt: integer('deletion_requested_at'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    version: integer().notNull().default(1),
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
      .where(sql`${t.enabled} = 0`),
    check('users_username_form', isUsername(t.username)),
    check('users_username_folded', sql`${t.usernameKey} = lower(${t.username})`),
    check('users_enabled', isSwitch(t.enabled)),
    check('users_http_basic', isSwitch(t.httpBasic)),
    check('users_smpp_basic', isSwitch(t.smppBasic)),
    check('users_email_verified', isSwitch(t.emailVerified)),
    check('users_mobile_verified', isSwitch(t.mobileVerified)),
    check(
      'users_epoch',
      sql`typeof(${t.credentialEpoch}) = 'integer' and ${t.credentialEpoch} > 0`,
    ),
    check(
      'users_two_factor_channel',
      sql`${t.twoFactorChannel} in ('email', 'sms', 'voice', 'totp')`,
    ),
    check('users_two_factor_mode', sql`${t.twoFactorMode} in ('remembered', 'always')`),
  ],
)

/** A predefined role carries its name in `predefined`, and its permissions come from the code. */
export const roles = sqliteTable(
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
    permissions: text({ mode: 'json' }).$type<readonly string[]>().notNull(),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    version: integer().notNull().default(1),
  },
  (t) => [
    uniqueIndex('roles_name').on(t.accountId, t.nameKey),
    uniqueIndex('roles_predefined').on(t.accountId, t.predefined),
  ],
)

/** A trigger refuses a user and a role of two accounts. */
export const userRoles = sqliteTable(
  'user_roles',
  {
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    roleId: text('role_id')
      .notNull()
      .references(() => roles.id),
    grantedAt: integer('granted_at').notNull(),
    grantedBy: text('granted_by'),
  },
  (t) => [
    primaryKey({ columns: [t.userId, t.roleId] }),
    index('user_roles_by_role').on(t.roleId, t.userId),
  ],
)

/** The ranges of one user, as the policy spells them; none at all allows every address. */
export const safelistEntries = sqliteTable(
  'safelist_entries',
  {
    id: text().primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    range: text().notNull(),
    description: text().notNull().default(''),
    expiresAt: integer('expires_at'),
    createdAt: integer('created_at').notNull(),
  },
  (t) => [
    uniqueIndex('safelist_entries_range').on(t.userId, t.range),
    index('safelist_entries_expiring')
      .on(t.expiresAt)
      .where(sql`${t.expiresAt} is not null`),
    check('safelist_entries_range_form', sql`length(${t.range}) > 0`),
  ],
)
