import { join } from 'node:path'
import { closeDatabase, openDatabase } from '../../db/database.ts'
import { createHashing } from '../../db/hashing.ts'
import { createSystem } from '../../gateway/system.ts'
import { addAccount, addUser, temporaryFolder } from './database.ts'

/** The password of alice in a used folder. */
export const alicesPassword = 'the-right-secret'

/** A data folder that was used before, with root, who is admin, and alice, who may use HTTP. */
export const usedFolder = async (): Promise<string> => {
  const dataDir = temporaryFolder()
  const file = join(dataDir, 'sallyport.db')
  const database = await openDatabase({ file, ...createSystem() })
  const account = await addAccount(database)
  await addUser(database, account.id, { username: 'root', roles: ['account-admin'] })
  const hashed = await createHashing({ concurrency: 1 }).hash(Buffer.from(alicesPassword))
  if (hashed.outcome !== 'hashed') throw new Error('no hash')
  await addUser(database, account.id, {
    username: 'alice',
    email: 'alice@example.com',
    passwordHash: hashed.phc,
    apiAccess: { http: true, smpp: false },
    safelist: [{ range: '127.0.0.0/8' }, { range: '203.0.113.0/24' }],
    roles: ['api-user'],
  })
  await closeDatabase(database)
  return dataDir
}
