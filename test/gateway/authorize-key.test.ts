import { expect, test } from 'vitest'
import { createApiKey, setApiKeyEnabled, type FoundKey } from '../../db/api-keys.ts'
import { findFirstAccount } from '../../db/accounts.ts'
import { transact } from '../../db/database.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { openSallyport } from '../../gateway/embed.ts'
import { createOfferedKeys } from '../../gateway/offered-keys.ts'
import { address } from '../../policies/address.ts'
import type { Attempt } from '../../policies/ports.ts'
import { addUser, made, temporaryFolder } from '../support/database.ts'

const token = 'a-key-of-twenty-two-letters'
const attempt: Attempt = {
  channel: 'http',
  client: address('192.0.2.7'),
  credential: { kind: 'api-key', token },
  route: {},
}

test('a key in memory is decided on at once, and anew after a change', async () => {
  const { core, close } = await openSallyport({ DATA_DIR: temporaryFolder(), LOG_LEVEL: 'silent' })
  const { database, authorize } = core
  const account = await findFirstAccount(database)
  const user = await addUser(database, account?.id ?? '', { username: 'alice' })
  const { id } = made(
    await transact(database, (tx) =>
      createApiKey(tx, {
        actor: systemActor,
        userId: user.id,
        name: 'of alice',
        digest: digestToken(token),
      }),
    ),
  )
  expect((await authorize(attempt)).effect).toBe('permit')
  expect(authorize(attempt)).toMatchObject({ effect: 'permit', user: { username: 'alice' } })
  await transact(database, (tx) => setApiKeyEnabled(tx, { actor: systemActor, id, enabled: false }))
  expect(await authorize(attempt)).toMatchObject({ effect: 'refuse', reason: 'key-disabled' })
  await close()
})

test('a credential is digested once', () => {
  const digests: string[] = []
  const keys = createOfferedKeys({
    peekKey: (digest): FoundKey | undefined => void digests.push(digest),
    findKey: () => Promise.resolve(undefined),
  })
  let read = 0
  const credential = {
    kind: 'api-key',
    get token() {
      read += 1
      return token
    },
  } as const
  keys.peek(credential)
  keys.peek(credential)
  expect(digests).toEqual([digestToken(token), digestToken(token)])
  expect(read).toBe(1)
})
