import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { getTableName, is } from 'drizzle-orm'
import { SQLiteTable } from 'drizzle-orm/sqlite-core'
import { describe, expect, it } from 'vitest'
import { findFirstAccount } from '../../db/accounts.ts'
import { createApiKey, findApiKey } from '../../db/api-keys.ts'
import { verifyEvents } from '../../db/chain-verification.ts'
import { findChangesSince, lastChange } from '../../db/changes.ts'
import { closeDatabase, transact, type Database } from '../../db/database.ts'
import { appendEvent } from '../../db/events.ts'
import { adoptInstallationKey } from '../../db/keys.ts'
import { recordLock } from '../../db/locks.ts'
import { movedTables, moveDirectory } from '../../db/move.ts'
import { findPrincipal } from '../../db/principals.ts'
import { systemActor } from '../../db/record.ts'
import { addSource } from '../../db/source-rows.ts'
import { createRefusalLog, findRefusal } from '../../db/refusals.ts'
import * as accounts from '../../db/schema/accounts.ts'
import * as audit from '../../db/schema/audit.ts'
import * as credentials from '../../db/schema/credentials.ts'
import * as noticed from '../../db/schema/notices.ts'
import * as proofs from '../../db/schema/proofs.ts'
import * as users from '../../db/schema/users.ts'
import { address } from '../../policies/address.ts'
import {
  addAccount,
  addUser,
  made,
  placeOf,
  someTime,
  sqliteOf,
  temporaryDatabase,
  temporaryFolder,
} from '../support/database.ts'

const actor = systemActor

/** On SQLite, with the key of another installation if it is to take one over. */
const onFile = (key: Buffer = randomBytes(32)): Promise<Database> => {
  const folder = temporaryFolder()
  adoptInstallationKey(folder, key, randomBytes)
  return temporaryDatabase({ at: someTime }, join(folder, 'sallyport.db'))
}

const reopened = async (database: Database): Promise<Database> => {
  await closeDatabase(database)
  return temporaryDatabase({ at: someTime }, placeOf(database))
}

/** Everything there is, in the order in which it is kept. */
const contentOf = async ({ queries }: Database): Promise<Record<string, readonly unknown[]>> => {
  const content: Record<string, readonly unknown[]> = {}
  for (const table of movedTables) {
    const rows = await queries.select().from(table)
    content[getTableName(table)] = rows
      .filter((row) => row['key'] !== 'installation.key')
      .map((row) => JSON.stringify(row))
      .toSorted()
  }
  return content
}

const source = {
  ...{ channel: 'http', source: '192.0.2.7', sourceGroup: '192.0.2.7', count: 3 },
  ...{ outcome: 'permitted', reason: '', firstAt: someTime, lastAt: someTime },
}

/** A database with something of everything that the program writes so far. */
const usedDatabase = async (): Promise<{ database: Database; refused: string }> => {
  const database = await onFile()
  const { id: accountId } = await addAccount(database)
  const { id: userId } = await addUser(database, accountId, {
    username: 'Alice',
    email: 'alice@example.com',
    firstName: 'Ålice “Ally” 😀',
    passwordHash: 'hash',
    roles: ['account-admin', 'api-user'],
    safelist: [{ range: '192.0.2.0/24', description: 'office' }],
    apiAccess: { http: true, smpp: false },
  })
  for (let user = 0; user < 1_203; user++)
    await addUser(database, accountId, { username: `user-${user}` })
  await transact(database, async (tx) => {
    made(
      await createApiKey(tx, {
        actor,
        userId,
        name: 'key',
        digest: 'd'.repeat(64),
        permissions: ['sms/send'],
      }),
    )
    const times = { lockedAt: someTime, lockedUntil: Infinity, locks: 2, consecutive: 7 }
    const lock = {
      ...times,
      bucket: 'unknown',
      channels: ['http'] as const,
      sources: ['192.0.2.9'],
    }
    await recordLock(tx, { userId, lock })
    await addSource(tx, { ...source, userId })
    await tx.queries.insert(proofs.challenges).values({
      ...{ id: 'c1', userId, purpose: 'sign-in', channel: 'email', channels: ['email', 'sms'] },
      ...{ credentialEpoch: 1, request: { b: [1, null], a: 'x' }, createdAt: 1, expiresAt: 2 },
    })
  })
  const log = createRefusalLog({ database, onError: () => undefined })
  const refused = log.record({
    channel: 'http',
    reason: 'user-unknown',
    client: address('192.0.2.1'),
  })
  await log.stop()
  return { database, refused }
}

describe('a directory', () => {
  it('moves from SQLite to PostgreSQL and back, and nothing of it is lost', async () => {
    const { database: first, refused } = await usedDatabase()
    const content = await contentOf(first)
    const empty = Object.entries(content).flatMap(([name, rows]) =>
      rows.length === 0 ? [name] : [],
    )
    expect(empty).toEqual(['sessions', 'devices', 'authenticators', 'invites', 'password_resets'])

    const server = await temporaryDatabase()
    const moved = await moveDirectory(first, server)
    expect(moved.rows).toMatchObject({ users: 1_204, changes: 1_207, challenges: 1 })
    expect(moved.audit.ok).toBe(true)
    const second = await reopened(server)

    const third = await onFile(second.key)
    await moveDirectory(second, third)

    for (const database of [second, third]) {
      expect(database.key).toEqual(first.key)
      expect(await contentOf(database)).toEqual(content)
      expect(await verifyEvents(database)).toEqual(await verifyEvents(first))
      expect(await findRefusal(database, refused)).toMatchObject({
        event: { reason: 'user-unknown' },
      })
      expect(await findPrincipal(database, 'alice')).toEqual(await findPrincipal(first, 'alice'))
      expect(await findApiKey(database, 'd'.repeat(64))).toEqual(
        await findApiKey(first, 'd'.repeat(64)),
      )
    }
  })

  it('is written on where it has come to, with numbers behind those it brought', async () => {
    const { database: first } = await usedDatabase()
    const before = await lastChange(first)
    const server = await temporaryDatabase()
    await moveDirectory(first, server)
    const second = await reopened(server)
    const { id } = (await findFirstAccount(second))!
    await addUser(second, id, { username: 'newcomer' })
    await transact(second, (tx) =>
      addSource(tx, { ...source, userId: 'u2', sourceGroup: source.source }),
    )
    expect(await findChangesSince(second, before)).toMatchObject([{ seq: before + 1 }])
    expect((await verifyEvents(second)).ok).toBe(true)
  })

  it('that was tampered with stays tampered with, at the same row', async () => {
    const first = await onFile()
    for (let row = 0; row < 5; row++)
      await transact(first, (tx) => appendEvent(tx, { action: 'test', channel: 'system' }))
    sqliteOf(first).connections.writer.exec(
      "drop trigger events_refuse_update; update events set action = 'x' where seq = 3",
    )
    const second = await temporaryDatabase()
    const { audit } = await moveDirectory(first, second)
    expect(audit).toMatchObject({ ok: false, firstBroken: { seq: 3, why: 'changed' } })
  })

  it('is moved by nobody over another', async () => {
    const first = await onFile()
    await addAccount(first)
    const second = await temporaryDatabase()
    await addAccount(second, 'theirs')
    const content = await contentOf(second)
    await expect(moveDirectory(first, second)).rejects.toThrow(
      /^the target is not empty \(accounts\); nothing was copied$/,
    )
    expect(await contentOf(second)).toEqual(content)
  })

  it('leaves nothing behind where it cannot be held', async () => {
    const first = await onFile()
    const { id } = await addAccount(first)
    await addUser(first, id, { username: 'alice', firstName: 'A\0lice' })
    const second = await temporaryDatabase()
    await expect(moveDirectory(first, second)).rejects.toThrow(/0x00/)
    expect(Object.values(await contentOf(second)).flat()).toEqual([])
    await addAccount(second)
    expect(await verifyEvents(second)).toEqual({ ok: true, rows: 1 })
  })

  it('keeps its key out of a folder where there is another', () => {
    const folder = temporaryFolder()
    adoptInstallationKey(folder, Buffer.alloc(32, 1), randomBytes)
    adoptInstallationKey(folder, Buffer.alloc(32, 1), randomBytes)
    expect(() => {
      adoptInstallationKey(folder, Buffer.alloc(32, 2), randomBytes)
    }).toThrow(/is the key of another installation/)
  })

  it('is all of the schema but the nodes, which live', () => {
    const schema = { ...accounts, ...audit, ...credentials, ...noticed, ...proofs, ...users }
    const tables = Object.values(schema).filter((it) => is(it, SQLiteTable))
    expect(movedTables.map(getTableName).toSorted()).toEqual(
      tables.map((table) => getTableName(table)).toSorted(),
    )
  })
})
