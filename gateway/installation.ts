import { createAccount, findFirstAccount, type Account } from '../db/accounts.ts'
import { transact, type Database } from '../db/database.ts'
import { createGuessability } from '../db/guessability.ts'
import { systemActor } from '../db/record.ts'
import { countUsers, createUser } from '../db/users.ts'
import { parseEmail, parseUsername } from '../policies/names.ts'
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

type FirstAdmin = NonNullable<Core['settings']['firstAdmin']>

/** Throws one clear line that names the setting and says what would be right. */
const checkFirstAdmin = async ({ username, email, password }: FirstAdmin): Promise<void> => {
  if (parseUsername(username) === undefined)
    throw new Error('ADMIN_USERNAME must be 3 to 64 printable ASCII characters, no space or colon')
  if (parseEmail(email) === undefined) throw new Error('ADMIN_EMAIL must be one e-mail address')
  const guess = await createGuessability()()
  const [fault] = checkPassword(password, { guess, hints: [username, email] })
  if (fault !== undefined) throw new Error(`ADMIN_PASSWORD ${fault.message}`)
}

/** Makes the first Account admin, as ADMIN_* say, if there is no user yet. */
export const makeFirstAdmin = async (core: Core, account: Account): Promise<void> => {
  const { settings, database, hashing } = core
  const { firstAdmin } = settings
  if (firstAdmin === undefined || (await countUsers(database)) > 0) return
  await checkFirstAdmin(firstAdmin)
  const hashed = await hashing.hash(Buffer.from(firstAdmin.password))
  if (hashed.outcome !== 'hashed') throw new Error('ADMIN_PASSWORD could not be hashed')
  await transact(database, async (tx) => {
    if ((await countUsers(tx)) > 0) return
    const made = await createUser(tx, {
      actor: systemActor,
      accountId: account.id,
      username: firstAdmin.username,
      email: firstAdmin.email,
      passwordHash: hashed.phc,
      roles: ['account-admin', 'platform-operator'],
    })
    if (!('id' in made)) throw new Error('ADMIN_USERNAME: the first admin could not be made')
  })
}
