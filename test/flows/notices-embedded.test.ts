import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createOutbox } from '../../admin/mail/outbox.ts'
import { transact } from '../../db/database.ts'
import { setPassword } from '../../db/passwords.ts'
import { systemActor } from '../../db/record.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { openSallyport } from '../../gateway/embed.ts'
import { createSystem } from '../../gateway/system.ts'
import { until } from '../support/smpp-pair.ts'
import { usedFolder } from '../support/used-folder.ts'

test('inside another program mails go out too, when it says where their links lead', async () => {
  const dataDir = await usedFolder()
  const env = { DATA_DIR: dataDir, LOG_LEVEL: 'fatal', PUBLIC_URL: 'https://gate.example.com' }
  const embedded = await openSallyport({ ...env, HTTP_UPSTREAM: 'http://127.0.0.1:9' })
  onTestFinished(embedded.close)
  const { database } = embedded.core
  const { id: userId } = (await findUserByName(database, 'alice')) ?? { id: '' }
  await transact(database, (tx) => setPassword(tx, { actor: systemActor, userId, hash: 'x' }))
  const outbox = createOutbox({ ...createSystem(), folder: join(dataDir, 'outbox') })
  await until(async () => (await outbox.list()).length > 0)
  expect(await outbox.list()).toMatchObject([
    { to: 'alice@example.com', subject: 'Your password has been changed' },
  ])
})
