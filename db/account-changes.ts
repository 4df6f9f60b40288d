import { asc, count, eq, gt } from 'drizzle-orm'
import type { Fault } from '../policies/faults.ts'
import { labelFaults, parseEmail } from '../policies/names.ts'
import { accountSettings, readAccountSettings, type AccountSettings } from './account-settings.ts'
import { createAccount, findAccount, findAccountByName, type Account } from './accounts.ts'
import type { Reader, Transaction } from './database.ts'
import { recordChange, type Actor } from './record.ts'
import { accounts } from './schema/accounts.ts'

/** What of the settings is to be another; a part that is absent stays as it is. */
export type SettingsEdit = {
  readonly [Part in keyof AccountSettings]?:
    | (AccountSettings[Part] extends readonly unknown[] | string | number | null
        ? AccountSettings[Part]
        : Partial<AccountSettings[Part]>)
    | undefined
}

/** What of an account may be edited; its name, type and region are the platform operator's. */
export type AccountEdit = {
  readonly name?: string | undefined
  readonly type?: string | undefined
  readonly region?: string | undefined
  readonly settings?: SettingsEdit | undefined
}

type Faulty = { readonly faults: readonly Fault[] }

const isGroup = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Each part of the settings as it is, with what is written over it. */
const merge = (
  settings: AccountSettings,
  edit: SettingsEdit,
): Readonly<Record<string, unknown>> => {
  const merged: Record<string, unknown> = { ...settings }
  for (const [part, value] of Object.entries(edit)) {
    const before = merged[part]
    if (value !== undefined)
      merged[part] = isGroup(before) && isGroup(value) ? { ...before, ...value } : value
  }
  return merged
}

/** What each setting by itself cannot say. */
const togetherFaults = (settings: AccountSettings): readonly Fault[] => {
  const { lockout, supportAddress, channels, secondFactor } = settings
  const faults: Fault[] = []
  if (lockout.maxLockSeconds < lockout.lockSeconds)
    faults.push({ path: 'lockout.maxLockSeconds', message: 'is no shorter than the first lock' })
  if (supportAddress !== null && parseEmail(supportAddress) === undefined)
    faults.push({ path: 'supportAddress', message: 'takes one e-mail address' })
  if (channels.length === 0 && secondFactor !== 'never')
    faults.push({ path: 'channels', message: 'takes one at least, while a second factor is owed' })
  return faults
}

/** The settings with an edit in them, or all that is wrong with it. */
const readSettings = (settings: AccountSettings, edit: SettingsEdit): AccountSettings | Faulty => {
  const read = accountSettings.safeParse(merge(settings, edit))
  if (!read.success) {
    const faults = read.error.issues.flatMap((issue): readonly Fault[] =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => ({
            path: [...issue.path, key].join('.'),
            message: 'is not known',
          }))
        : [{ path: issue.path.join('.'), message: issue.message }],
    )
    return { faults }
  }
  const channels = [...new Set(read.data.channels)]
  const faults = togetherFaults(read.data)
  return faults.length > 0 ? { faults } : { ...read.data, channels }
}

const nameFaults = ({ name, type, region }: AccountEdit): readonly Fault[] =>
  Object.entries({ name, type, region }).flatMap(([path, text]) =>
    text === undefined ? [] : labelFaults(text, path),
  )

/** Settings are named under `settings.` where they are not all that is edited. */
const under = (path: string, faults: readonly Fault[]): readonly Fault[] =>
  faults.map((fault) => ({ ...fault, path: `${path}.${fault.path}` }))

/** A new account with its predefined roles; the platform operator's. */
export const openAccount = async (
  tx: Transaction,
  { actor, name, type, region, settings = {} }: AccountEdit & { actor: Actor; name: string },
): Promise<Account | Faulty | { readonly refused: 'name-taken' }> => {
  const read = readSettings(accountSettings.parse({}), settings)
  const ofSettings = 'faults' in read ? under('settings', read.faults) : []
  const faults = [...nameFaults({ name, type, region }), ...ofSettings]
  if (faults.length > 0 || 'faults' in read) return { faults }
  return createAccount(tx, {
    actor,
    name,
    settings: read,
    ...(type === undefined ? {} : { type }),
    ...(region === undefined ? {} : { region }),
  })
}

type OfAccount = {
  readonly actor: Actor
  readonly accountId: string
  readonly version?: number | undefined
}

const change = async (
  tx: Transaction,
  { actor, before, after }: { actor: Actor; before: Account; after: Account },
): Promise<Account> => {
  const { name, type, region, settings } = after
  const updatedAt = tx.now()
  const version = before.version + 1
  await tx.queries
    .update(accounts)
    .set({ name, type, region, settings: JSON.stringify(settings), updatedAt, version })
    .where(eq(accounts.id, before.id))
  const shown = ({ name, type, region, settings }: Account) => ({ name, type, region, settings })
  await recordChange(tx, {
    actor,
    kind: 'account',
    action: 'account.changed',
    accountId: before.id,
    before: shown(before),
    after: shown(after),
  })
  return { ...after, updatedAt, version }
}

const findCurrent = async (
  tx: Transaction,
  { accountId, version }: OfAccount,
): Promise<Account | { readonly refused: 'not-found' | 'stale' }> => {
  const account = await findAccount(tx, accountId)
  if (account === undefined) return { refused: 'not-found' }
  return version !== undefined && version !== account.version ? { refused: 'stale' } : account
}

/** Edits the settings of an account; everyone of it is judged anew by the news of it. */
export const editSettings = async (
  tx: Transaction,
  { settings, ...of }: OfAccount & { readonly settings: SettingsEdit },
): Promise<Account | Faulty | { readonly refused: 'not-found' | 'stale' }> => {
  const before = await findCurrent(tx, of)
  if ('refused' in before) return before
  const read = readSettings(before.settings, settings)
  if ('faults' in read) return read
  return change(tx, { actor: of.actor, before, after: { ...before, settings: read } })
}

/** Edits an account as a whole; the platform operator's. */
export const editAccount = async (
  tx: Transaction,
  { edit, ...of }: OfAccount & { readonly edit: AccountEdit },
): Promise<Account | Faulty | { readonly refused: 'not-found' | 'stale' | 'name-taken' }> => {
  const before = await findCurrent(tx, of)
  if ('refused' in before) return before
  const { name = before.name, type = before.type, region = before.region } = edit
  const read = readSettings(before.settings, edit.settings ?? {})
  const ofSettings = 'faults' in read ? under('settings', read.faults) : []
  const faults = [...nameFaults(edit), ...ofSettings]
  if (faults.length > 0 || 'faults' in read) return { faults }
  const other = await findAccountByName(tx, name)
  if (other !== undefined && other.id !== before.id) return { refused: 'name-taken' }
  const after = { ...before, name, type, region, settings: read }
  return change(tx, { actor: of.actor, before, after })
}

/** A page of accounts in the order of their names, after the name `after`; the operator's. */
export const findAccountPage = async (
  reader: Reader,
  { after = '', limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<readonly Account[]> => {
  const rows = await reader.queries
    .select()
    .from(accounts)
    .where(gt(accounts.name, after))
    .orderBy(asc(accounts.name))
    .limit(limit)
  return rows.map((row) => ({ ...row, settings: readAccountSettings(row.settings) }))
}

export const countAccounts = async (reader: Reader): Promise<number> =>
  (await reader.queries.select({ accounts: count() }).from(accounts))[0]?.accounts ?? 0
