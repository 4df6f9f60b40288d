import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { createEmbeddedAttempts } from '../../db/attempts-embedded.ts'
import type { Hashing } from '../../db/hashing.ts'
import { createFingerprints } from '../../db/secrets.ts'
import { createVerification, type Tried } from '../../gateway/verification.ts'
import type { Resident } from '../../gateway/directory.ts'
import { address } from '../../policies/address.ts'
import type { Channel } from '../../policies/facts.ts'
import { defaultLockoutRules } from '../../policies/lockout.ts'

const clock = { now: () => 1_000_000, elapsed: () => 1_000 }

/** Hashing that is held until the test lets it go; a secret is right for the hash of its name. */
const createHeldHashing = () => {
  const waiting: (() => void)[] = []
  const hashes: string[] = []
  const hashing: Hashing = {
    hash: () => Promise.reject(new Error('not here')),
    verify: async (phc, secret) => {
      hashes.push(phc)
      await new Promise<void>((resolve) => waiting.push(resolve))
      return phc === Buffer.from(secret).toString() ? 'right' : 'wrong'
    },
    waiting: () => waiting.length,
    isFull: () => false,
    usualMs: () => 0,
  }
  const letGo = (): void => {
    for (const go of waiting.splice(0)) go()
  }
  return { hashing, hashes, letGo }
}

const residentWith = (passwordHash: string, credentialEpoch: number): Resident =>
  ({
    user: { id: 'alice', credentialEpoch, lockoutRules: defaultLockoutRules },
    userKey: 'key of alice',
    passwordHash,
    lockedBefore: new Set<string>(),
  }) as unknown as Resident

const open = () => {
  const held = createHeldHashing()
  const locked: string[] = []
  const proven: string[] = []
  const verify = createVerification({
    attempts: createEmbeddedAttempts(clock),
    hashing: held.hashing,
    fingerprints: createFingerprints(randomBytes(32)),
    now: clock.now,
    recordLock: (userId) => locked.push(userId),
    forgetLock: () => undefined,
    rehash: (_, hash) => proven.push(hash),
  })
  const offer = (secret: string, resident: Resident, channel: Channel = 'http') => {
    const credential: Tried['credential'] = {
      kind: 'password',
      username: 'alice',
      secret: Buffer.from(secret),
    }
    const client = address('192.0.2.7')
    return verify({ credential, key: secret, resident, bucket: 'unknown', channel, client })
  }
  return { ...held, locked, proven, offer }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('the same secret at the same moment is hashed once for all', async () => {
  const { offer, hashes, letGo } = open()
  const offered = Array.from({ length: 200 }, () => offer('old', residentWith('old', 1)))
  await settled()
  letGo()
  expect(new Set((await Promise.all(offered)).map(({ outcome }) => outcome))).toEqual(
    new Set(['right']),
  )
  expect(hashes).toEqual(['old'])
})

test('a secret that is being tried is tried anew for a user whose secret was changed', async () => {
  const { offer, hashes, letGo } = open()
  const before = offer('old', residentWith('old', 1))
  const after = offer('old', residentWith('new', 2))
  await settled()
  letGo()
  expect([(await before).outcome, (await after).outcome]).toEqual(['right', 'wrong'])
  expect(hashes).toEqual(['old', 'new'])
})

test('a guess is answered before its lock is written down', async () => {
  const { offer, locked, letGo } = open()
  for (let guess = 0; guess < 5; guess++) {
    const offered = offer(`guess ${guess}`, residentWith('right', 1))
    await settled()
    letGo()
    expect((await offered).outcome).toBe('wrong')
  }
  expect(locked).toEqual(['alice'])
})

test('a hash may be made anew after a right secret, and never after a wrong one', async () => {
  const { offer, proven, letGo } = open()
  for (const secret of ['wrong', 'right']) {
    const offered = offer(secret, residentWith('right', 1))
    await settled()
    letGo()
    expect((await offered).outcome).toBe(secret)
  }
  expect(proven).toEqual(['right'])
})

test('a bind leaves the hash by which it is known', async () => {
  const { offer, proven, letGo } = open()
  const offered = offer('right', residentWith('right', 1), 'smpp')
  await settled()
  letGo()
  expect((await offered).outcome).toBe('right')
  expect(proven).toEqual([])
})
