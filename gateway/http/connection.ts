import type { Address } from '../../policies/address.ts'
import type { Credential } from '../../policies/ports.ts'
import type { Caller } from './entry.ts'
import { readCredential } from '../../policies/credential.ts'

/** What is known of a client's connection for as long as it lasts. */
export type ClientConnection = Caller & { readonly secure: boolean }

/** Made once for each connection; `remote` is who is behind it, `peer` who opened it. */
export const createClientConnection = (
  remote: Address | undefined,
  peer: Address | undefined,
  secure: boolean,
): ClientConnection => {
  let last: string | undefined
  let credential: Credential | undefined
  return {
    remote,
    isPeer: remote?.text === peer?.text,
    secure,
    last: undefined,
    credentialOf: (lines) => {
      if (lines.length !== 1) return readCredential(lines)
      if (credential === undefined || lines[0] !== last) {
        credential = readCredential(lines)
        last = lines[0]
      }
      return credential
    },
  }
}
