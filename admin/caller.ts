import type { Actor } from '../db/record.ts'
import type { Address } from '../policies/address.ts'
import type { KeyFacts, User } from '../policies/facts.ts'
import { heldInBoth, type Permissions } from '../policies/permissions.ts'
import type { Reason } from '../policies/reasons.ts'

/** Who calls, as the decision that let them in saw them. */
export type Caller = {
  readonly user: User
  /** What the route demanded; undefined: that somebody is signed in. */
  readonly permission: string | undefined
  /** The API key by which they came; undefined: by a password. */
  readonly key: KeyFacts | undefined
  readonly client: Address
  /** For the audit of what this call changes. */
  readonly actor: Actor
  readonly decisionId: string
}

/** What a caller may do whose user holds these permissions. */
export const effectiveOf = ({ key }: Pick<Caller, 'key'>, held: Permissions): Permissions =>
  key?.permissions === undefined ? held : heldInBoth(held, key.permissions)

/** What the context of every admin route holds behind the door. */
export type AdminEnv = {
  readonly Variables: {
    caller: Caller
    /** Writes down that a call which was let in is refused after all; answers the refusal's id. */
    recordRefusal: (reason: Reason) => string
  }
}
