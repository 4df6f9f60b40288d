import { asc, eq } from 'drizzle-orm'
import { predefinedRoles } from '../policies/roles.ts'
import {
  accountSettings,
  readAccountSettings,
  type AccountSettings,
  type AccountSettingsInput,
} from './account-settings.ts'
import type { Reader, Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { accounts } from './schema/accounts.ts'
import { roles } from './schema/users.ts'

export type Account = Omit<typeof accounts.$inferSelect, 'settings'> & {
  readonly settings: AccountSettings
}

const accountOf = (row: typeof accounts.$inferSelect): Account => ({
  ...row,
  settings: readAccountSettings(row.settings),
})

export const findAccount = async (reader: Reader, id: string): Promise<Account | undefined> => {
  const [row] = await reader.queries.select().from(accounts).where(eq(accounts.id, id))
  return row && accountOf(row)
}

export const findAccountByName = async (
  reader: Reader,
  name: string,
): Promise<Account | undefined> => {
  const [row] = await reader.queries.select().from(accounts).where(eq(accounts.name, name))
  return row && accountOf(row)
}

/** Whether anybody has set this installation up: the first account, oldest first. */
export const findFirstAccount = async (reader: Reader): Promise<Account | undefined> => {
  const [row] = await reader.queries.select().from(accounts).orderBy(asc(accounts.id)).limit(1)
  return row && accountOf(row)
}

const addPredefinedRoles = async (tx: Transaction, accountId: string): Promise<void> => {
  const at = tx.now()
  await tx.queries.insert(roles).values(
    predefinedRoles.map(({ id, name }) => ({
      id: tx.newId(),
      accountId,
      name,
      nameKey: name.toLowerCase(),
      predefined: id,
      permissions: [],
      createdAt: at,
      updatedAt: at,
    })),
  )
}

/** A new account with its predefined roles. */
export const createAccount = async (
  tx: Transaction,
  {
    actor,
    name,
    type = 'standard',
    region = 'global',
    settings = {},
  }: {
    readonly actor: Actor
    readonly name: string
    readonly type?: string
    readonly region?: string
    readonly settings?: AccountSettingsInput
  },
): Promise<Account | { readonly refused: 'name-taken' }> => {
  if ((await findAccountByName(tx, name)) !== undefined) return { refused: 'name-taken' }
  const at = tx.now()
  const row = {
    id: tx.newId(),
    name,
    type,
    region,
    settings: JSON.stringify(accountSettings.parse(settings)),
    createdAt: at,
    updatedAt: at,
    version: 1,
  }
  await tx.queries.insert(accounts).values(row)
  await addPredefinedRoles(tx, row.id)
  await recordChange(tx, {
    actor,
    kind: 'account',
    action: 'account.created',
    accountId: row.id,
    after: { name, type, region },
  })
  return accountOf(row)
}

/** Replaces the settings as a whole; undefined when there is no such account. */
export const setAccountSettings = async (
  tx: Transaction,
  {
    actor,
    accountId,
    settings,
  }: {
    readonly actor: Actor
    readonly accountId: string
    readonly settings: AccountSettingsInput
  },
): Promise<Account | undefined> => {
  const before = await findAccount(tx, accountId)
  if (before === undefined) return undefined
  const after: Account = {
    ...before,
    settings: accountSettings.parse(settings),
    updatedAt: tx.now(),
    version: before.version + 1,
  }
  await tx.queries
    .update(accounts)
    .set({
      settings: JSON.stringify(after.settings),
      updatedAt: after.updatedAt,
      version: after.version,
    })
    .where(eq(accounts.id, accountId))
  await recordChange(tx, {
    actor,
    kind: 'account',
    action: 'account.changed',
    accountId,
    before: before.settings,
    after: after.settings,
  })
  return after
}
