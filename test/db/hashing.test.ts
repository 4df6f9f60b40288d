import { hash as hashWith } from '@node-rs/argon2'
import { beforeAll, describe, expect, test } from 'vitest'
import { createHashing, hashingConcurrency, needsRehash } from '../../db/hashing.ts'

const hashing = createHashing({ concurrency: 1, queue: 64 })

const phcOf = async (secret: Uint8Array): Promise<string> => {
  const hashed = await hashing.hash(secret)
  if (hashed.outcome !== 'hashed') throw new Error(hashed.outcome)
  return hashed.phc
}

const verify = async (kept: Uint8Array, tried: Uint8Array) =>
  hashing.verify(await phcOf(kept), tried)

const bytes = (text: string): Uint8Array => Buffer.from(text)
const same72 = 'x'.repeat(72)

test('hashes with Argon2id at the least cost that OWASP names, each time with another salt', async () => {
  const [one, other] = [await phcOf(bytes('secret')), await phcOf(bytes('secret'))]
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(other).not.toBe(one)
})

test.each([
  ['right: the same bytes', bytes('secret'), bytes('secret'), 'right'],
  [
    'right: bytes that are not UTF-8',
    Buffer.from([0xff, 0x00]),
    Buffer.from([0xff, 0x00]),
    'right',
  ],
  ['right: 256 bytes', Buffer.alloc(256, 1), Buffer.alloc(256, 1), 'right'],
  ['wrong: another case', bytes('secret'), bytes('Secret'), 'wrong'],
  ['wrong: differs after 72 bytes (D2)', bytes(`${same72}a`), bytes(`${same72}b`), 'wrong'],
  ['wrong: longer than 72 bytes (D2)', bytes(same72), bytes(`${same72}a`), 'wrong'],
  [
    'wrong: differs in a byte that is not UTF-8 (D2)',
    Buffer.from([0xff]),
    Buffer.from([0xfe]),
    'wrong',
  ],
  ['wrong: U+FFFD in its place', Buffer.from([0xff]), bytes('\u{fffd}'), 'wrong'],
  ['wrong: differs after NUL', bytes('a\0b'), bytes('a\0c'), 'wrong'],
  ['wrong: nothing', bytes('secret'), bytes(''), 'wrong'],
] as const)('tells %s', async (_, kept, tried, verdict) => {
  expect(await verify(kept, tried)).toBe(verdict)
})

describe('a secret over 256 bytes', () => {
  test('is wrong without a hash, however long and however full the queue (D1)', async () => {
    const phc = await phcOf(bytes('secret'))
    const full = createHashing({ concurrency: 1, queue: 0 })
    const running = full.verify(phc, bytes('secret'))
    expect(await full.verify(phc, Buffer.alloc(257, 1))).toBe('wrong')
    expect(await full.verify(phc, Buffer.alloc(10_000_000, 1))).toBe('wrong')
    expect(await running).toBe('right')
  })

  test('is never hashed', async () => {
    await expect(hashing.hash(Buffer.alloc(257, 1))).rejects.toThrow(RangeError)
  })
})

describe('a stored hash', () => {
  let phc: string
  beforeAll(async () => {
    phc = await phcOf(bytes('secret'))
  })

  const damages: readonly (readonly [string, (phc: string) => string])[] = [
    ['is empty', () => ''],
    ['lost its end', (it) => it.slice(0, -1)],
    ['lost its digest', (it) => it.slice(0, it.lastIndexOf('$'))],
    ['lost its salt', (it) => it.replace(/\$[^$]+\$([^$]+)$/, '$$$$$1')],
    ['has an end too many', (it) => `${it}A`],
    ['is of another algorithm', (it) => it.replace('argon2id', 'argon2i')],
    ['is of another version', (it) => it.replace('v=19', 'v=16')],
    ['asks for 4 GiB', (it) => it.replace('m=19456', 'm=4194304')],
    ['asks for 200 passes', (it) => it.replace('t=2', 't=200')],
    ['asks for too little memory', (it) => it.replace('m=19456', 'm=1')],
    ['asks for no pass', (it) => it.replace('t=2', 't=0')],
    ['is a bcrypt hash', () => '$2b$10$abcdefghijklmnopqrstuuvwxyz0123456789012345678901234567890'],
  ]

  test.each(damages)('that %s is a failure and not a wrong secret', async (_, damage) => {
    await expect(hashing.verify(damage(phc), bytes('secret'))).rejects.toThrow(Error)
  })

  test('is made anew when its cost is not today’s', async () => {
    expect(needsRehash(phc)).toBe(false)
    for (const cost of [{ memoryCost: 12_288 }, { timeCost: 3 }, { parallelism: 2 }]) {
      const other = await hashWith(Buffer.from('secret'), cost)
      expect(needsRehash(other)).toBe(true)
      expect(await hashing.verify(other, bytes('secret'))).toBe('right')
    }
    expect(() => needsRehash('damaged')).toThrow(Error)
  })
})

describe('the pool', () => {
  test('is overloaded beyond its queue, and free again when it has run dry (I7)', async () => {
    const phc = await phcOf(bytes('secret'))
    const pool = createHashing({ concurrency: 2, queue: 3 })
    const running = Array.from({ length: 10 }, () => pool.verify(phc, bytes('wrong')))
    expect(pool.waiting()).toBe(3)
    expect(await pool.hash(bytes('secret'))).toEqual({ outcome: 'overloaded' })
    const verdicts = await Promise.all(running)
    expect(verdicts.filter((verdict) => verdict === 'wrong')).toHaveLength(5)
    expect(verdicts.filter((verdict) => verdict === 'overloaded')).toHaveLength(5)
    expect(pool.waiting()).toBe(0)
    expect(await pool.verify(phc, bytes('secret'))).toBe('right')
  })

  test('answers in the order of arrival', async () => {
    const phc = await phcOf(bytes('secret'))
    const order: number[] = []
    await Promise.all(
      [0, 1, 2, 3].map(async (at) => {
        await hashing.verify(phc, bytes(`wrong ${at}`))
        order.push(at)
      }),
    )
    expect(order).toEqual([0, 1, 2, 3])
  })

  test('goes on after a failure', async () => {
    const phc = await phcOf(bytes('secret'))
    const pool = createHashing({ concurrency: 1, queue: 1 })
    const broken = phc.replace('m=19456', 'm=1')
    await expect(pool.verify(broken, bytes('secret'))).rejects.toThrow(Error)
    await expect(pool.verify(broken, bytes('secret'))).rejects.toThrow(Error)
    expect(await pool.verify(phc, bytes('secret'))).toBe('right')
  })

  test('leaves the event loop turning while it hashes', async () => {
    const phc = await phcOf(bytes('secret'))
    let turns = 0
    let hashes = true
    const turn = (): void => {
      turns++
      if (hashes) setImmediate(turn)
    }
    turn()
    await hashing.verify(phc, bytes('secret'))
    hashes = false
    expect(turns).toBeGreaterThan(10)
  })

  test.each([
    [1, 4, 1],
    [2, 4, 1],
    [4, 4, 3],
    [64, 4, 3],
    [64, 16, 15],
  ])('takes of %i cores and %i threads %i', (cores, threads, concurrency) => {
    expect(hashingConcurrency(cores, threads)).toBe(concurrency)
  })
})
