import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { createApiKey, findApiKey, rotateApiKey } from '../../db/api-keys.ts'
import { closeDatabase, transact } from '../../db/database.ts'
import { setPassword, setSmppPassword } from '../../db/passwords.ts'
import { systemActor } from '../../db/record.ts'
import { createRefusalLog } from '../../db/refusals.ts'
import { address } from '../../policies/address.ts'
import { addAccount, addUser, made, sqliteOf, temporaryDatabase } from '../support/database.ts'

const actor = systemActor
const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex')

it('no secret stands in the data folder in clear (D7)', async () => {
  const database = await temporaryDatabase()
  const { id: accountId } = await addAccount(database)
  const { id: userId } = await addUser(database, accountId, {
    username: 'alice',
    passwordHash: digestOf('planted-password'),
  })
  const key = made(
    await transact(database, (tx) =>
      createApiKey(tx, { actor, userId, name: 'key', digest: digestOf('planted-key') }),
    ),
  )
  await transact(database, async (tx) => {
    await rotateApiKey(tx, { actor, id: key.id, digest: digestOf('planted-next'), overlapMs: 9999 })
    await setPassword(tx, { actor, userId, hash: digestOf('planted-new-password') })
    await setSmppPassword(tx, { actor, userId, hash: digestOf('planted-smpp') })
  })
  expect(await findApiKey(database, digestOf('planted-next'))).toBeDefined()
  const log = createRefusalLog({ database, onError: () => undefined })
  const client = address('192.0.2.1')
  // A password typed into the field of the name is a secret too.
  log.record({ channel: 'web', reason: 'user-unknown', client, name: 'planted-in-the-name' })
  await log.stop()

  const filesHold = (text: string): readonly string[] => {
    const folder = dirname(sqliteOf(database).file)
    return readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text))
  }
  expect(filesHold('planted')).toEqual([])
  expect(filesHold('alice')).not.toEqual([])
  await closeDatabase(database)
  expect(filesHold('planted')).toEqual([])
  expect(filesHold('alice')).toEqual(['sallyport.db'])
  expect(filesHold(database.key.toString('hex'))).toEqual(['installation.key'])
})

it('the key that seals the audit is not in the database', async () => {
  const database = await temporaryDatabase()
  await addAccount(database)
  await closeDatabase(database)
  const bytes = readFileSync(sqliteOf(database).file)
  expect(bytes.includes(database.key)).toBe(false)
  expect(bytes.includes(database.key.toString('hex'))).toBe(false)
})
