import type { Address } from './address.ts'
import type { Verdict } from './decision.ts'
import type { Channel, KeyFacts, User, WireFault } from './facts.ts'

/** What a client offers as proof, as bytes (never as text that could fold two secrets into one). */
export type Credential =
  | { readonly kind: 'absent' | 'malformed' | 'ambiguous' }
  | { readonly kind: 'password'; readonly username: string; readonly secret: Uint8Array }
  | { readonly kind: 'api-key' | 'session' | 'bearer'; readonly token: string }

/** One request for entry, whatever the wire: what the enforcement point read, and nothing decided. */
export type Attempt = {
  readonly channel: Channel
  readonly client: Address | undefined
  /** A trusted proxy speaks for itself alone: nothing is held against its address (E6). */
  readonly isProxyItself?: boolean | undefined
  readonly credential: Credential
  readonly fault?: WireFault | undefined
  /** The canonical route; undefined when none matches. */
  readonly route: { readonly permission?: string | undefined } | undefined
  /** For the audit: what was asked for, canonical and without a query (`POST /sms/3/messages`). */
  readonly target?: string | undefined
}

/** A verdict under its id (UUIDv7, RFC 9562 §5.7), by which the audit finds it again. */
export type Decision = Verdict & {
  readonly id: string
  readonly user?: User | undefined
  /** When the secret that was right stops being so by itself (ms since the epoch). */
  readonly validUntil?: number | undefined
  /** The API key by which they came, and what it leaves of what its user may; absent: none. */
  readonly key?: KeyFacts | undefined
}

/** The one road. Answers at once when everything is cached; never throws, never rejects. */
export type Authorize = (attempt: Attempt) => Decision | Promise<Decision>

/**
 * The same road for who answers by itself: resolves no earlier than a refusal may be answered, so
 * that the time until then tells nothing of its reason.
 */
export type AuthorizeInTime = (attempt: Attempt) => Promise<Decision>
