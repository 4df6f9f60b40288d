import { createHmac, createSecretKey, hash, timingSafeEqual, type KeyObject } from 'node:crypto'

/** Bytes fit for keys and tokens (`System.random`). */
export type Random = (bytes: number) => Buffer

/** What a random token is kept as: SHA-256 in hex. For 122 bits and more; PINs want a key. */
export const digestToken = (token: string | Uint8Array): string => hash('sha256', token, 'hex')

/** Compares bytes in a time that depends on their number alone. */
export const isSameSecret = (one: Uint8Array, other: Uint8Array): boolean =>
  one.byteLength === other.byteLength && timingSafeEqual(one, other)

/** Compares two digests in a time that depends on their length alone. */
export const isSameDigest = (one: string, other: string): boolean =>
  isSameSecret(Buffer.from(one), Buffer.from(other))

/** A token of `bytes` random bytes (256 bits unless told), base64url. */
export const createToken = (random: Random, bytes = 32): string => {
  if (bytes < 16) throw new RangeError(`a token of ${bytes} bytes can be guessed`)
  return random(bytes).toString('base64url')
}

/** A token in the form of a UUID of version 4: 122 random bits (RFC 9562 §5.4). */
export const createUuid = (random: Random): string => {
  const bytes = random(16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** A PIN of six digits, each as likely as any other. */
export const createPin = (random: Random): string => {
  const pins = 1_000_000
  const even = 2 ** 32 - (2 ** 32 % pins)
  for (;;) {
    const drawn = random(4).readUInt32BE(0)
    if (drawn < even) return String(drawn % pins).padStart(6, '0')
  }
}

/** What a wrong secret was tried against: one that is wrong here may be right there. */
export type SecretTried = {
  readonly userKey: string
  /** Which secret of the user (`password`, `smpp-password`, the id of a challenge). */
  readonly against: string
  /** The credential epoch: after a change nothing is known to be wrong. */
  readonly epoch: number
  readonly secret: Uint8Array
}

/** Digests that say nothing without the installation's key, so they may stand in caches and Redis. */
export type Fingerprints = {
  /** For the counters of a user (by id), or of a name that is no user's (folded). 128 bits. */
  readonly userKey: (of: { readonly userId: string } | { readonly name: string }) => string
  /** Tells one secret that was tried from another. 96 bits. */
  readonly fingerprint: (tried: SecretTried) => string
  /** For what is counted in a while, by its name: an address, a destination. 128 bits. */
  readonly windowKey: (name: string) => string
  /** What a PIN is kept as, bound to its challenge: SHA-256 with a key, in hex. */
  readonly pinDigest: (challengeId: string, pin: string) => string
}

const leastKey = 32

/** Every part goes in behind its length, so that `ab`,`c` and `a`,`bc` never meet. */
const keyed = (key: KeyObject, parts: readonly (string | Uint8Array)[]): Buffer => {
  const framed = parts.flatMap((part) => {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(bytes.byteLength)
    return [length, bytes]
  })
  return createHmac('sha256', key).update(Buffer.concat(framed)).digest()
}

/** Throws when the installation's key has under 32 bytes. */
export const createFingerprints = (installationKey: Uint8Array): Fingerprints => {
  if (installationKey.byteLength < leastKey) throw new RangeError('the key is too short')
  // A key that is made once costs a fifth of bytes that become a key at every call.
  const key = createSecretKey(installationKey)
  const short = (bytes: number, ...parts: readonly (string | Uint8Array)[]): string =>
    keyed(key, parts).toString('base64url', 0, bytes)
  return {
    userKey: (of) =>
      'userId' in of
        ? short(16, 'counters of user', of.userId)
        : short(16, 'counters of name', of.name),
    fingerprint: ({ userKey, against, epoch, secret }) =>
      short(12, 'secret tried', userKey, against, String(epoch), secret),
    windowKey: (name) => short(16, 'window', name),
    pinDigest: (challengeId, pin) => keyed(key, ['pin', challengeId, pin]).toString('hex'),
  }
}
