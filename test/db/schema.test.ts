import { describe, expect, it } from 'vitest'
import { transact } from '../../db/database.ts'
import * as credentials from '../../db/schema/credentials.ts'
import { addAccount, addUser, runSql, temporaryDatabase } from '../support/database.ts'

describe('the database refuses by itself', () => {
  const rows: readonly (readonly [what: string, sql: string])[] = [
    ['a switch that is neither on nor off', 'update users set enabled = 2'],
    ['a protocol switch that is text', "update users set http_basic = 'maybe'"],
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
    await expect(runSql(database, sql)).rejects.toThrow(
      /constraint|never|invalid input|type boolean/i,
    )
  })
})
