import { createHmac } from 'node:crypto'
import { parseId } from './ids.ts'
import { deriveKey } from './keys.ts'

/** Everything of an id but its last 48 bits: time, counter and 14 random bits; differs in each id. */
const openChars = 24

const tagBytes = 6

/** Seals a tag (12 hexadecimal digits) into ids, and finds it again in them. */
export type TagSeal = {
  /** The id with its last 48 bits replaced; still a UUIDv7 that says nothing to who has no key. */
  readonly seal: (id: string, tag: string) => string
  /** The tag that an id carries; of an id that carries none, a random one. */
  readonly open: (id: string) => string | undefined
}

const xor = (one: string, pad: Buffer): string => {
  const bytes = Buffer.from(one, 'hex')
  for (let at = 0; at < tagBytes; at++) bytes[at] = (bytes[at] ?? 0) ^ (pad[at] ?? 0)
  return bytes.toString('hex')
}

/**
 * A one-time pad from the open part of the id: the same tag looks different in every id, so two
 * refusals do not show that they share a reason, and no id has to be stored to be found again.
 */
export const createTagSeal = (installationKey: Buffer): TagSeal => {
  const key = deriveKey(installationKey, 'decision ids')
  const padOf = (open: string): Buffer => createHmac('sha256', key).update(open).digest()
  return {
    seal: (id, tag) => {
      const open = id.slice(0, openChars)
      return open + xor(tag, padOf(open))
    },
    open: (text) => {
      const id = parseId(text)
      return id && xor(id.slice(openChars), padOf(id.slice(0, openChars)))
    },
  }
}
