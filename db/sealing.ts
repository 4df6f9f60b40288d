import { createCipheriv, createDecipheriv } from 'node:crypto'
import { deriveKey } from './keys.ts'
import type { Random } from './secrets.ts'

/** AES-256-GCM (NIST SP 800-38D): 96 bits that are used once, the text, 128 bits that prove it. */
const cipher = 'aes-256-gcm'
const nonceOctets = 12
const tagOctets = 16

/** With the installation's key; what is sealed for one purpose is not opened for another. */
export type SealedFor = { readonly key: Buffer; readonly purpose: string }

/** For secrets that have to be read again, so that who holds the database alone cannot; base64url. */
export const seal = ({
  key,
  purpose,
  text,
  random,
}: SealedFor & { readonly text: string; readonly random: Random }): string => {
  const nonce = random(nonceOctets)
  const sealing = createCipheriv(cipher, deriveKey(key, purpose), nonce)
  const octets = Buffer.concat([nonce, sealing.update(text, 'utf8'), sealing.final()])
  return Buffer.concat([octets, sealing.getAuthTag()]).toString('base64url')
}

/** Undefined unless it was sealed with this key, for this purpose, and is whole. */
export const openSealed = ({
  key,
  purpose,
  sealed,
}: SealedFor & { readonly sealed: string }): string | undefined => {
  const octets = Buffer.from(sealed, 'base64url')
  if (octets.length < nonceOctets + tagOctets) return undefined
  const options = { authTagLength: tagOctets }
  const nonce = octets.subarray(0, nonceOctets)
  const opening = createDecipheriv(cipher, deriveKey(key, purpose), nonce, options)
  opening.setAuthTag(octets.subarray(-tagOctets))
  try {
    const text = opening.update(octets.subarray(nonceOctets, -tagOctets))
    return Buffer.concat([text, opening.final()]).toString('utf8')
  } catch {
    return undefined
  }
}
