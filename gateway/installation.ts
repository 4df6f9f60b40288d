import { createAccount, findFirstAccount, type Account } from '../db/accounts.ts'
import { transact, type Database } from '../db/database.ts'
import { createGuessability } from '../db/guessability.ts'
import type { Hashing } from '../db/hashing.ts'
import { systemActor } from '../db/record.ts'
import { createUser, hasUsers } from '../db/users.ts'
import type { Fault } from '../policies/faults.ts'
import { checkPassword } from '../policies/passwords.ts'
import type { Core } from './core.ts'

/** A fresh installation has one account, `default`. */
export const ensureFirstAccount = async (database: Database): Promise<Account> =>
  (await findFirstAccount(database)) ??
  (await transact(database, async (tx) => {
    const present = await findFirstAccount(tx)
    if (present !== undefined) return present
    const made = await createAccount(tx, { actor: systemActor, name: 'default' })
    if ('refused' in made) throw new Error('the account `default` could not be made')
    return made
  }))

export type FirstAdmin = {
  readonly username: string
  readonly email: string
  readonly password: string
}

/** What became of it; a fault names `username`, `email` or `password`. */
export type FirstAdminMade =
  | { readonly outcome: 'made' | 'users-exist' }
  | { readonly outcome: 'faulty'; readonly faults: readonly Fault[] }

/** Makes the first Account admin, who is Platform operator too, if there is no user yet. */
export const makeFirstAdmin = async (
  { database, hashing }: { readonly database: Database; readonly hashing: Hashing },
  account: Account,
  { username, email, password }: FirstAdmin,
): Promise<FirstAdminMade> => {
  if (await hasUsers(database)) return { outcome: 'users-exist' }
  const rules = account.settings.passwords
  const guess = await createGuessability()()
  const faults = checkPassword(password, { rules, guess, hints: [username, email] })
  if (faults.length > 0) return { outcome: 'faulty', faults }
  const hashed = await hashing.hash(Buffer.from(password))
  if (hashed.outcome !== 'hashed') throw new Error('the password could not be hashed')
  return transact(database, async (tx): Promise<FirstAdminMade> => {
    if (await hasUsers(tx)) return { outcome: 'users-exist' }
    const made = await createUser(tx, {
      actor: systemActor,
      accountId: account.id,
      username,
      email,
      passwordHash: hashed.phc,
      roles: ['account-admin', 'platform-operator'],
    })
    if ('id' in made) return { outcome: 'made' }
    if ('faults' in made) return { outcome: 'faulty', faults: made.faults }
    throw new Error(`the first admin could not be made: ${made.refused}`)
  })
}

/**
 * The first admin, if ADMIN_* name one and there is no user yet; answers what whoever started the
 * gateway is to be told. Throws one clear line for each setting that will not do.
 */
export const setUp = async (core: Core, account: Account): Promise<readonly string[]> => {
  const { settings, database } = core
  const { firstAdmin, sandbox } = settings
  if (firstAdmin !== undefined) {
    const made = await makeFirstAdmin(core, account, firstAdmin)
    if (made.outcome === 'faulty')
      throw new Error(
        made.faults
          .map(({ path, message }) => `ADMIN_${path.toUpperCase()}: ${message}`)
          .join('\n'),
      )
  }
  return sandbox || (await hasUsers(database))
    ? []
    : ['There is no user yet. Make the first admin with `sallyport setup` (see its --help).']
}
