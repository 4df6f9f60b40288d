import type { Address } from './address.ts'
import type { LockoutRules } from './lockout.ts'
import type { Permissions } from './permissions.ts'
import type { Safelist } from './safelist.ts'

/** Where an attempt arrives: the HTTP data plane, an SMPP bind, or a sign-in on the web. */
export type Channel = 'http' | 'smpp' | 'web'

/** The credential as the door could read it: of a kind, or unusable in one of three ways. */
export type CredentialKind =
  'password' | 'api-key' | 'session' | 'bearer' | 'absent' | 'malformed' | 'ambiguous'

/** A user as the policy sees one: compiled once, immutable, replaced when anything of it changes. */
export type User = {
  readonly id: string
  readonly accountId: string
  readonly username: string
  /** Grows whenever a secret changes; what was verified under an older epoch no longer counts. */
  readonly credentialEpoch: number
  readonly enabled: boolean
  readonly safelist: Safelist
  readonly apiAccess: { readonly http: boolean; readonly smpp: boolean }
  readonly permissions: Permissions
  readonly lockoutRules: LockoutRules
}

/** What a key or session adds to the user's own rules. */
export type KeyFacts = {
  /** Under which its use is written down. */
  readonly id?: string | undefined
  readonly enabled: boolean
  /** Valid from `notBefore` on and before `expiresAt`. */
  readonly notBefore?: number | undefined
  readonly expiresAt?: number | undefined
  readonly safelist: Safelist
  /** What it may do of what its user may; all of that when absent. */
  readonly permissions?: Permissions | undefined
}

export type SessionFacts = {
  /** Ended, idle too long, or past its absolute limit. */
  readonly ended: boolean
  /** The address that a bound session may be used from; absent when it is `unsafe`. */
  readonly boundTo?: Address | undefined
}

/** Everything that a decision depends on, gathered once (times in ms since the epoch). */
export type Facts = {
  readonly now: number
  readonly channel: Channel
  /** A fault of the wire that was found while reading the request. */
  readonly fault?: WireFault | undefined
  /** After trusted proxies; undefined when it could not be read. */
  readonly client: Address | undefined
  /** The source has used up its budget until then. */
  readonly sourceBlockedUntil?: number | undefined
  readonly credential: CredentialKind
  readonly user: User | undefined
  /** The bucket that this client falls into is locked until then; Infinity: until an admin unlocks. */
  readonly lockedUntil?: number | undefined
  readonly secret: 'untried' | 'right' | 'wrong'
  /** No further secret can be tried for the moment. */
  readonly saturated?: boolean | undefined
  readonly key?: KeyFacts | undefined
  readonly session?: SessionFacts | undefined
  /** The permission that the route names, if any; undefined when no route matches. */
  readonly route: { readonly permission?: string | undefined } | undefined
  /** A second factor is owed when a person signs in from a browser that is not remembered. */
  readonly secondFactor: 'not-needed' | 'owed' | 'passed'
}

/** What the HTTP door may find wrong with a request before anyone is asked who they are. */
export type WireFault =
  | 'request-malformed'
  | 'method-not-allowed'
  | 'request-timeout'
  | 'content-too-large'
  | 'header-fields-too-large'
