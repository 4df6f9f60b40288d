import { expect, test } from 'vitest'
import { findFirstAccount } from '../../db/accounts.ts'
import { findApiKeyView } from '../../db/api-key-lists.ts'
import { createApiKey } from '../../db/api-keys.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { openSallyport } from '../../gateway/embed.ts'
import { address } from '../../policies/address.ts'
import { addUser, made, temporaryFolder } from '../support/database.ts'

test('a key that lets somebody in is known as used, and one that does not is not (U13)', async () => {
  const { core, close } = await openSallyport({ DATA_DIR: temporaryFolder(), LOG_LEVEL: 'silent' })
  const { database, authorize } = core
  const accountId = (await findFirstAccount(database))?.id ?? ''
  const { id: userId } = await addUser(database, accountId, { username: 'alice' })
  const add = async (token: string, range: string) =>
    made(
      await transact(database, (tx) =>
        createApiKey(tx, {
          actor: systemActor,
          userId,
          name: token,
          digest: digestToken(token),
          safelist: [{ range }],
        }),
      ),
    )
  const call = (token: string) =>
    authorize({
      channel: 'http',
      client: address('192.0.2.7'),
      credential: { kind: 'api-key', token },
      route: {},
    })
  const good = await add('a-key-that-is-let-in-here', '192.0.2.0/24')
  const bad = await add('a-key-that-is-not-let-in-', '203.0.113.0/24')
  expect((await call(good.name)).effect).toBe('permit')
  expect(await call(bad.name)).toMatchObject({ reason: 'key-source-not-allowed' })
  const sourceOf = async (id: string) =>
    (await findApiKeyView(database, accountId, id))?.lastUsedSource
  await expect.poll(() => sourceOf(good.id), { timeout: 20_000 }).toBe('192.0.2.7')
  expect(await sourceOf(bad.id)).toBeNull()
  await close()
})
