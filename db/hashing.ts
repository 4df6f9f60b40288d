import { timingSafeEqual } from 'node:crypto'
import { hash as encode, hashRaw } from '@node-rs/argon2'
import { maxPasswordOctets } from '../policies/passwords.ts'

/**
 * Argon2id (RFC 9106) at the least cost that OWASP names: 19 MiB, two passes, one lane. Guesses at
 * the door are bounded by the counters, so the cost is for a stolen database; and at a hundred
 * verifications a second and core, a flood of wrong secrets fills its queue and starves nobody.
 */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 } as const

/** What a damaged row may ask of us at most: 256 MiB, 16 passes, 16 lanes. */
const most = { memoryCost: 262_144, timeCost: 16, parallelism: 16 } as const

const phc =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{22,86})\$([A-Za-z0-9+/]{43})$/

type Hash = {
  readonly memoryCost: number
  readonly timeCost: number
  readonly parallelism: number
  readonly salt: Buffer
  readonly digest: Buffer
}

/** Throws an Error for what is not one of our hashes: a failure, never a wrong secret. */
const readHash = (text: string): Hash => {
  const [, m, t, p, salt, digest] = phc.exec(text) ?? []
  const hash = {
    memoryCost: Number(m),
    timeCost: Number(t),
    parallelism: Number(p),
    salt: Buffer.from(salt ?? '', 'base64'),
    digest: Buffer.from(digest ?? '', 'base64'),
  }
  const isOurs =
    hash.digest.byteLength === cost.outputLen &&
    hash.memoryCost <= most.memoryCost &&
    hash.timeCost <= most.timeCost &&
    hash.parallelism <= most.parallelism
  if (!isOurs) throw new Error('a stored password hash is damaged')
  return hash
}

/** Whether a hash was made at another cost, and is to be made anew at the next right secret (not at a bind). */
export const needsRehash = (text: string): boolean => {
  const { memoryCost, timeCost, parallelism } = readHash(text)
  return (
    memoryCost !== cost.memoryCost || timeCost !== cost.timeCost || parallelism !== cost.parallelism
  )
}

/**
 * How many hashes at once: a core is left to the event loop, and a thread of libuv's pool (4 unless
 * UV_THREADPOOL_SIZE says otherwise), in which the hashes run, to files and names.
 */
export const hashingConcurrency = (cores: number, threads = 4): number =>
  Math.max(1, Math.min(cores, threads) - 1)

export type Hashed =
  { readonly outcome: 'hashed'; readonly phc: string } | { readonly outcome: 'overloaded' }

export type Hashing = {
  /** A PHC string; throws RangeError over 256 bytes, which the rules for passwords refuse before. */
  readonly hash: (secret: Uint8Array) => Promise<Hashed>
  /** Compares bytes; throws an Error when the stored hash is damaged. Over 256 bytes: wrong. */
  readonly verify: (phc: string, secret: Uint8Array) => Promise<'right' | 'wrong' | 'overloaded'>
  /** How many wait for their turn. */
  readonly waiting: () => number
  /** Whether the next one would find its queue full. */
  readonly isFull: () => boolean
  /** How long one usually takes once its turn has come, in ms; on the safe side. */
  readonly usualMs: () => number
}

type Turns = {
  /** Runs `work` when its turn comes; undefined when too many wait already. */
  readonly take: <T>(work: () => Promise<T>) => Promise<T | undefined>
  readonly waiting: () => number
  readonly isFull: () => boolean
}

const createTurns = (concurrency: number, queue: number): Turns => {
  const waiting: (() => void)[] = []
  let running = 0
  return {
    async take(work) {
      if (running < concurrency) running++
      else if (waiting.length >= queue) return undefined
      else await new Promise<void>((resolve) => waiting.push(resolve))
      try {
        return await work()
      } finally {
        const next = waiting.shift()
        if (next === undefined) running--
        else next()
      }
    },
    waiting: () => waiting.length,
    isFull: () => running >= concurrency && waiting.length >= queue,
  }
}

/** The library's own `verify` refuses bytes that are not UTF-8, so the digest is made and compared. */
const isRight = async (hash: Hash, secret: Uint8Array): Promise<boolean> => {
  const { memoryCost, timeCost, parallelism, salt, digest } = hash
  const options = { memoryCost, timeCost, parallelism, outputLen: digest.byteLength, salt }
  return timingSafeEqual(await hashRaw(secret, options), digest)
}

/** A bounded pool off the main thread; what finds its queue full is `overloaded`. */
export const createHashing = (options: {
  readonly concurrency: number
  readonly queue?: number
  /** Ms that never run backwards. */
  readonly elapsed?: () => number
}): Hashing => {
  const turns = createTurns(options.concurrency, options.queue ?? 64)
  const { elapsed = () => 0 } = options
  let usualMs = 0
  const timed = async <T>(work: () => Promise<T>): Promise<T> => {
    const began = elapsed()
    const result = await work()
    const took = elapsed() - began
    // A slow one counts at once, a quick one little by little.
    usualMs = took > usualMs ? took : usualMs * 0.9 + took * 0.1
    return result
  }
  return {
    async hash(secret) {
      if (secret.byteLength > maxPasswordOctets)
        throw new RangeError(`a secret is over ${maxPasswordOctets} bytes`)
      const made = await turns.take(() => timed(() => encode(secret, cost)))
      return made === undefined ? { outcome: 'overloaded' } : { outcome: 'hashed', phc: made }
    },
    async verify(text, secret) {
      const hash = readHash(text)
      if (secret.byteLength > maxPasswordOctets) return 'wrong'
      const right = await turns.take(() => timed(() => isRight(hash, secret)))
      if (right === undefined) return 'overloaded'
      return right ? 'right' : 'wrong'
    },
    waiting: turns.waiting,
    isFull: turns.isFull,
    usualMs: () => usualMs,
  }
}
