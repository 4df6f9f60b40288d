import { createHmac, createSecretKey } from 'node:crypto'
import type { Channel } from '../policies/facts.ts'
import { foldUsername } from '../policies/names.ts'
import type { Credential } from '../policies/ports.ts'
import { createCache } from './cache.ts'
import type { System } from './system.ts'

export type PasswordCredential = Extract<Credential, { kind: 'password' }>

/** Whom a password credential names, and the key under which its verification is remembered. */
export type Claim = { readonly name: string; readonly key: string }

/** `validUntil`: when this secret stops being valid by itself (ms since the epoch). */
export type Remembered = { readonly validUntil: number | undefined }

type Entry = Remembered & {
  readonly userId: string
  readonly epoch: number
  readonly until: number
}

/**
 * Remembers for some minutes that a secret was right: the result of the verification, never the
 * decision. Keys are HMACs under a key of this process, so nothing in it is worth stealing.
 */
export type Verified = {
  readonly claim: (credential: PasswordCredential, channel: Channel) => Claim
  /** What was right for this user under this epoch a short while ago; undefined: try it. */
  readonly recall: (
    claim: Claim,
    user: { id: string; credentialEpoch: number },
  ) => Remembered | undefined
  readonly remember: (
    claim: Claim,
    user: { id: string; credentialEpoch: number },
    validUntil?: number,
  ) => void
  readonly forgetAll: () => void
}

export type VerifiedLimits = { readonly entries: number; readonly ttlMs: number }

/** SMPP may have a password of its own, so what was right elsewhere says nothing there. */
const doorOf = (channel: Channel): 'smpp' | 'web' => (channel === 'smpp' ? 'smpp' : 'web')

export const createVerified = (system: System, limits: VerifiedLimits): Verified => {
  // A key object: a raw key would be unpacked anew on each call, which costs four times as much.
  const processKey = createSecretKey(system.random(32))
  const entries = createCache<string, Entry>(limits.entries)
  const claims = {
    smpp: new WeakMap<PasswordCredential, Claim>(),
    web: new WeakMap<PasswordCredential, Claim>(),
  }

  /** Every part behind its length, so that `ab`, `c` and `a`, `bc` never meet. */
  const keyOf = (door: string, name: string, secret: Uint8Array): string =>
    createHmac('sha256', processKey)
      .update(`${door} ${name.length} ${name} ${secret.byteLength} `)
      .update(secret)
      .digest('base64')

  return {
    claim: (credential, channel) => {
      const door = doorOf(channel)
      const known = claims[door].get(credential)
      if (known !== undefined) return known
      const name = foldUsername(credential.username)
      const claim = { name, key: keyOf(door, name, credential.secret) }
      claims[door].set(credential, claim)
      return claim
    },
    recall: ({ key }, user) => {
      const entry = entries.get(key)
      return entry !== undefined &&
        entry.userId === user.id &&
        entry.epoch === user.credentialEpoch &&
        entry.until > system.now()
        ? entry
        : undefined
    },
    remember: ({ key }, user, validUntil) => {
      entries.set(key, {
        userId: user.id,
        epoch: user.credentialEpoch,
        until: Math.min(validUntil ?? Infinity, system.now() + limits.ttlMs),
        validUntil,
      })
    },
    forgetAll: entries.clear,
  }
}
