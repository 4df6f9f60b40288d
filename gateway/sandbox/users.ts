import { createHmac } from 'node:crypto'
import type { Account } from '../../db/accounts.ts'
import { createApiKey, findApiKey } from '../../db/api-keys.ts'
import { transact, type Transaction } from '../../db/database.ts'
import { deriveKey } from '../../db/keys.ts'
import { systemActor } from '../../db/record.ts'
import { digestToken } from '../../db/secrets.ts'
import { findUserByName } from '../../db/user-rows.ts'
import { createUser } from '../../db/users.ts'
import type { Core } from '../core.ts'

type Sample = {
  readonly username: string
  readonly password: string
  readonly firstName: string
  readonly apiAccess: { readonly http: boolean; readonly smpp: boolean }
  readonly roles?: readonly string[]
  readonly safelist?: readonly { readonly range: string; readonly description: string }[]
  readonly enabled?: boolean
}

const everywhere = { http: true, smpp: true } as const
const apiUser = ['api-user'] as const

/** Each shows one thing; their passwords are known to everyone, hence only on loopback. */
const sampleUsers: readonly Sample[] = [
  {
    username: 'admin',
    password: 'sandbox-admin-1',
    firstName: 'Admin',
    apiAccess: { http: true, smpp: false },
    roles: ['account-admin', 'platform-operator'],
  },
  {
    username: 'alice',
    password: 'sandbox-alice-1',
    firstName: 'Alice',
    apiAccess: everywhere,
    roles: apiUser,
  },
  {
    username: 'bob',
    password: 'sandbox-bob-01',
    firstName: 'Bob',
    apiAccess: everywhere,
    roles: apiUser,
    safelist: [{ range: '203.0.113.0/24', description: 'an office far from here' }],
  },
  {
    username: 'carol',
    password: 'sandbox-carol-1',
    firstName: 'Carol',
    apiAccess: { http: false, smpp: false },
    roles: apiUser,
  },
  {
    username: 'dave',
    password: 'sandbox-dave-01',
    firstName: 'Dave',
    apiAccess: everywhere,
    roles: apiUser,
    enabled: false,
  },
]

const addUser = async (
  tx: Transaction,
  account: Account,
  { password: _, ...sample }: Sample,
  passwordHash: string,
): Promise<void> => {
  if ((await findUserByName(tx, sample.username)) !== undefined) return
  const made = await createUser(tx, {
    ...sample,
    actor: systemActor,
    accountId: account.id,
    email: `${sample.username}@example.com`,
    lastName: 'Sample',
    passwordHash,
  })
  if (!('id' in made)) throw new Error(`the sample user ${sample.username} could not be made`)
}

/** Carol's key, the same at every start, since only its digest is kept. */
const secretOf = (installationKey: Buffer): string =>
  createHmac('sha256', deriveKey(installationKey, 'sandbox api key'))
    .update('carol')
    .digest('base64url')

const addKey = async (tx: Transaction, secret: string): Promise<void> => {
  const carol = await findUserByName(tx, 'carol')
  const digest = digestToken(secret)
  if (carol === undefined || (await findApiKey(tx, digest)) !== undefined) return
  await createApiKey(tx, { actor: systemActor, userId: carol.id, name: 'sandbox', digest })
}

/** Makes the sample users that are not there yet; answers Carol's API key. */
export const makeSampleUsers = async (core: Core, account: Account): Promise<string> => {
  const { database, hashing } = core
  const secret = secretOf(database.key)
  for (const sample of sampleUsers) {
    if ((await findUserByName(database, sample.username)) !== undefined) continue
    const hashed = await hashing.hash(Buffer.from(sample.password))
    if (hashed.outcome !== 'hashed') throw new Error('a sample password could not be hashed')
    await transact(database, (tx) => addUser(tx, account, sample, hashed.phc))
  }
  await transact(database, (tx) => addKey(tx, secret))
  return secret
}
