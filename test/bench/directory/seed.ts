import Sqlite from 'better-sqlite3'
import { foldEmail, foldUsername } from '../../../policies/names.ts'
import { nameKeyOf } from '../../../db/user-profile.ts'
import { createDice, personOf, type Dice } from './people.ts'

export type Seed = {
  /** A database that is there, and open nowhere. */
  readonly file: string
  readonly accountId: string
  readonly users: number
  /** Ms since the epoch. */
  readonly now: number
  /** Hands out ids, as the database does. */
  readonly newId: () => string
}

type Part = { readonly type: string; readonly name: string; readonly sql: string }

const tables = "('users', 'user_roles', 'safelist_entries', 'locks', 'user_texts')"

/**
 * Takes what each row would be looked up in and answers how to bring it back: an index is made many
 * times faster of all rows at once, and so is that of trigrams.
 */
const takeIndices = (connection: Sqlite.Database): (() => void) => {
  const parts = connection
    .prepare<[], Part>(
      `select type, name, sql from sqlite_schema where sql is not null
       and tbl_name in ${tables} and type in ('index', 'trigger')`,
    )
    .all()
  for (const { type, name } of parts) connection.exec(`drop ${type} \`${name}\``)
  return () => {
    for (const { sql, type } of parts) if (type === 'index') connection.exec(sql)
    connection.exec(`insert into user_search (user_search) values ('rebuild')`)
    for (const { sql, type } of parts) if (type === 'trigger') connection.exec(sql)
  }
}

const insertion = (table: string, columns: readonly string[]): string =>
  `insert into ${table} (${columns.join()}) values (${columns.map(() => '?').join()})`

const insertionsOf = (connection: Sqlite.Database) => {
  const statement = (table: string, ...columns: string[]) =>
    connection.prepare(insertion(table, columns))
  return {
    user: statement(
      'users',
      ...['id', 'account_id', 'username', 'username_key', 'email', 'email_key', 'email_verified'],
      ...['first_name', 'last_name', 'name_key', 'enabled', 'http_basic', 'smpp_basic'],
      ...['last_sign_in_at', 'last_sign_in_source', 'last_sign_in_channel'],
      ...['created_at', 'updated_at'],
    ),
    text: statement('user_texts', 'user_id', 'text'),
    role: statement('user_roles', 'user_id', 'role_id', 'granted_at'),
    range: statement('safelist_entries', 'id', 'user_id', 'range', 'created_at'),
    lock: statement(
      'locks',
      ...['id', 'user_id', 'bucket', 'since', 'until', 'failures', 'locks', 'channels', 'sources'],
    ),
  }
}

type Insertions = ReturnType<typeof insertionsOf>

const addressOf = (dice: Dice): string =>
  `${1 + Math.floor(dice() * 220)}.${Math.floor(dice() * 256)}.${Math.floor(dice() * 256)}.7`

const flag = (is: boolean): number => (is ? 1 : 0)

const addPerson = (into: Insertions, seed: Seed, index: number, dice: Dice): string => {
  const { accountId, now, newId } = seed
  const person = personOf(index, dice)
  const { username, email, firstName, lastName, createdAgo, signedInAgo } = person
  const id = newId()
  const [usernameKey, nameKey] = [foldUsername(username), nameKeyOf(firstName, lastName)]
  const emailKey = email === null ? null : foldEmail(email)
  const signedIn =
    signedInAgo === null ? [null, null, null] : [now - signedInAgo, addressOf(dice), 'http']
  into.user.run([
    ...[id, accountId, username, usernameKey, email, emailKey, flag(dice() < 0.8)],
    ...[firstName, lastName, nameKey],
    ...[flag(dice() < 0.97), flag(dice() < 0.4), flag(dice() < 0.1)],
    ...signedIn,
    ...[now - createdAgo, now - createdAgo],
  ])
  into.text.run([id, `${usernameKey}\n${nameKey}\n${emailKey ?? ''}`])
  return id
}

const addBelongings = (
  into: Insertions,
  { now, newId }: Seed,
  { id, roles }: { readonly id: string; readonly roles: Readonly<Record<string, string>> },
  dice: Dice,
): void => {
  const kind = dice()
  if (kind < 0.98) into.role.run([id, roles['api-user'], now])
  if (kind > 0.96) into.role.run([id, roles['integrations-manager'], now])
  if (kind > 0.999) into.role.run([id, roles['auditor'], now])
  if (dice() < 0.3)
    for (let ranges = 1 + Math.floor(dice() * 3); ranges > 0; ranges--)
      into.range.run([newId(), id, `${addressOf(dice)}/32`, now])
  if (dice() < 0.002) {
    const until = dice() < 0.5 ? null : now + 3_600_000
    into.lock.run([newId(), id, 'unknown', now, until, 5, 1, '["http"]', `["${addressOf(dice)}"]`])
  }
}

/** Fills a database (SQLite) with people: straight into the tables, with no news and no audit. */
export const seedUsers = (seed: Seed): void => {
  const connection = new Sqlite(seed.file, { fileMustExist: true })
  // No way back is kept: a seed that fails is thrown away.
  connection.pragma('journal_mode = OFF')
  connection.pragma('synchronous = OFF')
  connection.pragma('cache_size = -262144')
  const roles = Object.fromEntries(
    connection
      .prepare<[string], { predefined: string; id: string }>(
        'select predefined, id from roles where account_id = ? and predefined is not null',
      )
      .all(seed.accountId)
      .map(({ predefined, id }) => [predefined, id]),
  )
  const dice = createDice(5)
  connection.transaction(() => {
    const bringBack = takeIndices(connection)
    const into = insertionsOf(connection)
    for (let index = 0; index < seed.users; index++) {
      const id = addPerson(into, seed, index, dice)
      addBelongings(into, seed, { id, roles }, dice)
    }
    bringBack()
  })()
  connection.pragma('journal_mode = WAL')
  connection.close()
}
