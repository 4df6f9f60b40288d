import * as drizzleKit from 'drizzle-kit/api'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import * as accounts from '../../db/schema/accounts.ts'
import * as audit from '../../db/schema/audit.ts'
import * as credentials from '../../db/schema/credentials.ts'
import * as nodes from '../../db/schema/nodes.ts'
import * as proofs from '../../db/schema/proofs.ts'
import * as users from '../../db/schema/users.ts'
import { transact } from '../../db/database.ts'
import { addAccount, addUser, temporaryDatabase } from '../support/database.ts'

type Snapshot = { readonly id: string }

/** What is used here of drizzle-kit, whose own types do not resolve. */
const kit = drizzleKit as unknown as {
  generateSQLiteDrizzleJson: (
    schema: Readonly<Record<string, unknown>>,
    previous: string,
  ) => Promise<Snapshot>
  generateSQLiteMigration: (from: Snapshot, to: Snapshot) => Promise<readonly string[]>
}

const migrations = new URL('../../db/migrations/meta/', import.meta.url)

const newestSnapshot = (): Snapshot => {
  const journal = JSON.parse(readFileSync(new URL('_journal.json', migrations), 'utf8')) as {
    entries: { idx: number }[]
  }
  const index = String(journal.entries.at(-1)?.idx).padStart(4, '0')
  return JSON.parse(readFileSync(new URL(`${index}_snapshot.json`, migrations), 'utf8')) as Snapshot
}

describe('the schema', () => {
  it('is what the migrations make: nothing waits to be generated', async () => {
    const schema = { ...accounts, ...audit, ...credentials, ...nodes, ...proofs, ...users }
    const written = newestSnapshot()
    const current = await kit.generateSQLiteDrizzleJson(schema, written.id)
    expect(await kit.generateSQLiteMigration(written, current)).toEqual([])
  })

  it('has an index for each list of a page', async () => {
    const { connections } = await temporaryDatabase()
    const planOf = (sql: string): string =>
      connections.reader
        .prepare<[], { detail: string }>(`explain query plan ${sql}`)
        .all()
        .map(({ detail }) => detail)
        .join('; ')
    const lists = [
      "select * from users where account_id = 'a' and (name_key, id) > ('b', 'c') order by name_key, id limit 50",
      "select * from users where account_id = 'a' and username_key > 'b' order by username_key limit 50",
      "select * from users where account_id = 'a' and email_key > 'b' order by email_key limit 50",
      "select * from users where account_id = 'a' and id > 'b' order by id limit 50",
      "select * from users where account_id = 'a' and (last_sign_in_at, id) > (1, 'c') order by last_sign_in_at, id limit 50",
      "select * from users where account_id = 'a' and enabled = 0 order by name_key, id limit 50",
      "select * from user_roles where role_id = 'r' and user_id > 'b' order by user_id limit 50",
      "select * from api_keys where account_id = 'a' and id > 'b' order by id limit 50",
      "select * from invites where account_id = 'a' and id > 'b' order by id limit 50",
      "select * from sessions where account_id = 'a' and ended_at is null and id > 'b' order by id limit 50",
      "select * from events where account_id = 'a' and seq < 9 order by seq desc limit 50",
      "select * from events where user_id = 'a' and seq < 9 order by seq desc limit 50",
      "select * from events where actor_id = 'a' and seq < 9 order by seq desc limit 50",
      "select * from events where action = 'a' and seq < 9 order by seq desc limit 50",
      "select * from events where reason = 'a' and seq < 9 order by seq desc limit 50",
      "select * from events where source = 'a' and seq < 9 order by seq desc limit 50",
      "select * from events where tag = 'a'",
      "select * from events where decision_id = 'a'",
      "select * from sources where user_id = 'a' and outcome = 'permitted' order by last_at desc limit 50",
    ]
    for (const list of lists) {
      expect(planOf(list), list).toMatch(/^SEARCH \w+ USING (COVERING )?INDEX [^;]*$/)
    }
  })
})

describe('the database refuses by itself', () => {
  const rows: readonly (readonly [what: string, sql: string])[] = [
    ['a switch that is neither on nor off', 'update users set enabled = 2'],
    ['a protocol switch that is text', "update users set http_basic = 'no'"],
    ['a credential epoch that shrinks', 'update users set credential_epoch = 0'],
    ['a credential epoch that is no number', "update users set credential_epoch = 'x'"],
    ['another username', "update users set username = 'bob', username_key = 'bob'"],
    ['another account', "update users set account_id = 'x'"],
    ['an unknown second factor', "update users set two_factor_channel = 'pigeon'"],
    ['a digest that is none', "update api_keys set digest = 'clear text'"],
    ['an account that is gone', 'delete from accounts'],
  ]
  it.each(rows)('%s', async (_, sql) => {
    const database = await temporaryDatabase()
    const account = await addAccount(database)
    const { id } = await addUser(database, account.id, { username: 'alice' })
    await transact(database, async (tx) => {
      await tx.queries.insert(credentials.apiKeys).values({
        id: 'k',
        accountId: account.id,
        userId: id,
        name: 'key',
        digest: 'f'.repeat(64),
        safelist: [],
        createdAt: 1,
        updatedAt: 1,
      })
    })
    expect(() => database.connections.writer.exec(sql)).toThrow(/constraint|never/i)
  })
})
