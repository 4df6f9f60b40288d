import type { FoundKey } from '../db/api-keys.ts'
import { digestToken } from '../db/secrets.ts'
import type { Credential } from '../policies/ports.ts'
import type { Directory } from './directory.ts'

export type KeyCredential = Extract<Credential, { readonly token: string }>

/** The keys that clients offer. A connection keeps its credential, so each is digested once. */
export type OfferedKeys = {
  /** What is in memory. */
  readonly peek: (credential: KeyCredential) => FoundKey | undefined
  readonly find: (credential: KeyCredential) => Promise<FoundKey | undefined>
}

export const createOfferedKeys = ({
  peekKey,
  findKey,
}: Pick<Directory, 'peekKey' | 'findKey'>): OfferedKeys => {
  const digests = new WeakMap<KeyCredential, string>()
  const digestOf = (credential: KeyCredential): string => {
    const known = digests.get(credential)
    if (known !== undefined) return known
    const digest = digestToken(credential.token)
    digests.set(credential, digest)
    return digest
  }
  return {
    peek: (credential) => peekKey(digestOf(credential)),
    find: (credential) => findKey(digestOf(credential)),
  }
}
