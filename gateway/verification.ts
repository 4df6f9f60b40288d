import type { Attempts, BucketLock } from '../db/attempts.ts'
import type { Hashing } from '../db/hashing.ts'
import type { Fingerprints } from '../db/secrets.ts'
import type { Address } from '../policies/address.ts'
import type { Channel } from '../policies/facts.ts'
import type { Resident } from './directory.ts'
import type { Rehash } from './rehash.ts'
import type { PasswordCredential } from './verified.ts'

/** How the trying of a secret ended; `until` in ms since the epoch. */
export type Outcome =
  | { readonly outcome: 'right'; readonly validUntil?: number | undefined }
  | { readonly outcome: 'wrong' | 'overloaded' }
  | { readonly outcome: 'locked'; readonly until: number }

export type Tried = {
  readonly credential: PasswordCredential
  readonly key: string
  readonly resident: Resident
  readonly bucket: string
  readonly channel: Channel
  readonly client: Address
}

/** Tries a secret: a place is reserved before, and given back or counted after. May reject. */
export type Verify = (tried: Tried) => Promise<Outcome>

export type VerificationDeps = {
  readonly attempts: Attempts
  readonly hashing: Hashing
  readonly fingerprints: Fingerprints
  readonly now: () => number
  /** Writes a lock down, so that it outlives the counters. */
  readonly recordLock: (userId: string, lock: BucketLock) => void
  /** Forgets a written lock that is over, after a success in its bucket. */
  readonly forgetLock: (userId: string, bucket: string) => void
  /** Told of each hash of a password that was right; never at a bind, which is known by its hash. */
  readonly rehash: Rehash
}

/** A place that is taken for the moment: whoever asks may come again soon. */
const BUSY_MS = 1_000

type Stored = { readonly hash: string; readonly validUntil?: number }

/** Which secrets are right at this door: SMPP may have one of its own, and the one before it. */
const storedFor = (resident: Resident, channel: Channel): readonly Stored[] => {
  const { passwordHash, smppPasswordHash, previousSmppPassword } = resident
  const ordinary = passwordHash === undefined ? [] : [{ hash: passwordHash }]
  if (channel !== 'smpp') return ordinary
  const own = smppPasswordHash === undefined ? ordinary : [{ hash: smppPasswordHash }]
  return previousSmppPassword === undefined ? own : [...own, previousSmppPassword]
}

/** The hash that a right secret was found to match, by when it stops being valid. */
export const findProof = (
  resident: Resident,
  channel: Channel,
  validUntil: number | undefined,
): string | undefined =>
  storedFor(resident, channel).find((stored) => stored.validUntil === validUntil)?.hash

/** Whether a secret that matched this hash would be right now. */
export const isStillRight = (
  resident: Resident,
  channel: Channel,
  proof: string,
  now: number,
): boolean =>
  storedFor(resident, channel).some(
    ({ hash, validUntil = Infinity }) => hash === proof && validUntil > now,
  )

const againstOf = (
  { smppPasswordHash, previousSmppPassword }: Resident,
  channel: Channel,
): 'password' | 'smpp-password' =>
  channel === 'smpp' && (smppPasswordHash ?? previousSmppPassword) !== undefined
    ? 'smpp-password'
    : 'password'

export const createVerification = (deps: VerificationDeps): Verify => {
  const { attempts, hashing, fingerprints, now } = deps
  const flights = new Map<string, Promise<Outcome>>()

  const compare = async (stored: readonly Stored[], secret: Uint8Array): Promise<Outcome> => {
    for (const { hash, validUntil } of stored) {
      if (validUntil !== undefined && validUntil <= now()) continue
      const compared = await hashing.verify(hash, secret)
      if (compared === 'right') return { outcome: 'right', validUntil }
      if (compared === 'overloaded') return { outcome: 'overloaded' }
    }
    return { outcome: 'wrong' }
  }

  const attempt = async ({
    credential,
    resident,
    bucket,
    channel,
    client,
  }: Tried): Promise<Outcome> => {
    const { user, userKey } = resident
    const { secret } = credential
    const reservation = await attempts.reserve({
      userKey,
      existing: true,
      bucket,
      channel,
      source: client.text,
      rules: user.lockoutRules,
      fingerprint: fingerprints.fingerprint({
        userKey,
        against: againstOf(resident, channel),
        epoch: user.credentialEpoch,
        secret,
      }),
    })
    if (reservation.outcome === 'locked') return reservation
    if (reservation.outcome === 'known-wrong') return { outcome: 'wrong' }
    if (reservation.outcome === 'busy') return { outcome: 'locked', until: now() + BUSY_MS }
    const { token } = reservation
    let result: Outcome
    try {
      result = await compare(storedFor(resident, channel), secret)
    } catch (error) {
      await attempts.giveBack(token)
      throw error
    }
    if (result.outcome === 'right') {
      if ((await attempts.succeed(token)) === 'lapsed')
        return { outcome: 'locked', until: now() + BUSY_MS }
      if (resident.lockedBefore.has(bucket)) deps.forgetLock(user.id, bucket)
      const { passwordHash } = resident
      if (channel !== 'smpp' && passwordHash !== undefined)
        deps.rehash(user.id, passwordHash, secret)
      return result
    }
    if (result.outcome === 'overloaded') await attempts.giveBack(token)
    else {
      const { lock } = await attempts.fail(token)
      if (lock !== undefined) deps.recordLock(user.id, lock)
    }
    return result
  }

  /** The same secret at the same moment is tried once for all who offer it. */
  return (tried) => {
    const { id, credentialEpoch } = tried.resident.user
    // What is being tried under an older secret says nothing about the one of now.
    const key = `${tried.key} ${id} ${credentialEpoch} ${tried.bucket}`
    const under = flights.get(key)
    if (under !== undefined) return under
    const flight = attempt(tried).finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }
}
