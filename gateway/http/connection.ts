import type { Socket } from 'node:net'
import type { Address } from '../../policies/address.ts'
import type { Credential } from '../../policies/ports.ts'
import { readCredential } from './credential.ts'

/** What is known of a client's connection for as long as it lasts. */
export type ClientConnection = {
  readonly remote: Address | undefined
  readonly secure: boolean
  /** Reads a credential; the last one is remembered, since a client repeats itself. */
  readonly credentialOf: (lines: readonly string[]) => Credential
}

const createClientConnection = (remote: Address | undefined, secure: boolean): ClientConnection => {
  let last: string | undefined
  let credential: Credential | undefined
  return {
    remote,
    secure,
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

/** Finds the connection of a socket, the same each time; `sourceOf` tells who is behind it. */
export const createClientConnections = (
  sourceOf: (socket: Socket) => Address | undefined,
): ((socket: Socket) => ClientConnection) => {
  const known = new WeakMap<Socket, ClientConnection>()
  return (socket) => {
    const found = known.get(socket)
    if (found !== undefined) return found
    const made = createClientConnection(sourceOf(socket), 'encrypted' in socket)
    known.set(socket, made)
    return made
  }
}
