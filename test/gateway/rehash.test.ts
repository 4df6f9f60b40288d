import { hash as hashWith } from '@node-rs/argon2'
import { expect, test, vi } from 'vitest'
import { createHashing, needsRehash } from '../../db/hashing.ts'
import { findUser } from '../../db/user-rows.ts'
import { createRehash } from '../../gateway/rehash.ts'
import { addAccount, addUser, temporaryDatabase } from '../support/database.ts'

const secret = Buffer.from('alice-secret-1')
const cheap = { memoryCost: 8_192, timeCost: 2, parallelism: 1, outputLen: 32 }

const open = async (hash: string) => {
  const database = await temporaryDatabase()
  const account = await addAccount(database)
  const { id } = await addUser(database, account.id, { username: 'alice', passwordHash: hash })
  const { hash: encode, verify } = createHashing({ concurrency: 1 })
  const hashed = vi.fn(encode)
  const failures: unknown[] = []
  const rehash = createRehash({
    database,
    hashing: { hash: hashed },
    logFailure: (error) => failures.push(error),
  })
  const stored = async () => (await findUser(database, id))?.passwordHash ?? ''
  return { id, rehash, hashed, verify, stored, failures }
}

test('a hash of another cost is made anew, once, of the same secret', async () => {
  const old = await hashWith(secret, cheap)
  const { id, rehash, hashed, verify, stored } = await open(old)
  rehash(id, old, secret)
  rehash(id, old, secret)
  await vi.waitUntil(async () => (await stored()) !== old)
  expect(needsRehash(await stored())).toBe(false)
  expect(await verify(await stored(), secret)).toBe('right')
  expect(hashed).toHaveBeenCalledTimes(1)
})

test('a hash of today’s cost stays', async () => {
  const made = await createHashing({ concurrency: 1 }).hash(secret)
  if (made.outcome !== 'hashed') throw new Error('not hashed')
  const { id, rehash, hashed } = await open(made.phc)
  rehash(id, made.phc, secret)
  expect(hashed).not.toHaveBeenCalled()
})

test('what finds its queue full is tried again at another right secret', async () => {
  const old = await hashWith(secret, cheap)
  const { id, rehash, hashed, stored, failures } = await open(old)
  hashed.mockResolvedValueOnce({ outcome: 'overloaded' })
  hashed.mockRejectedValueOnce(new Error('no thread'))
  for (let tries = 1; tries <= 3; tries++) {
    rehash(id, old, secret)
    expect(hashed).toHaveBeenCalledTimes(tries)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await vi.waitUntil(async () => (await stored()) !== old)
  expect(failures).toHaveLength(1)
})
