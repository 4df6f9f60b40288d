import { parseAddress, type Address } from './address.ts'
import type { Verdict } from './decision.ts'
import type { Channel, CredentialKind, Facts, WireFault } from './facts.ts'
import type { Fault } from './faults.ts'
import type { Reason } from './reasons.ts'

/** An attempt that nobody makes: everything of it but the secret, which is taken to be right. */
export type Imagined = {
  readonly channel: Channel
  /** Undefined: a name that is no user's. */
  readonly username: string | undefined
  readonly credential: CredentialKind
  readonly source: Address | undefined
  readonly fault?: WireFault | undefined
  readonly secret?: Facts['secret']
  /** A key of which the audit does not say which it was, so what it allows is not known. */
  readonly keyIsUnknown?: boolean | undefined
  readonly method?: string | undefined
  readonly path?: string | undefined
  readonly host?: string | undefined
  /** Where it is known what the route demands; else the path is looked up. */
  readonly route?: { readonly permission?: string | undefined } | undefined
}

/** What the rules say, in order; those behind the first that objects are asked too. */
export type Explanation = {
  readonly effect: Verdict['effect'] | 'unknown'
  readonly reason: Reason | null
  readonly rules: readonly {
    readonly rule: string
    readonly outcome: 'passed' | Verdict['effect'] | 'unknown'
    readonly because: string | null
  }[]
}

export type Explain = (imagined: Imagined) => Promise<Explanation>

/** An imagined attempt as somebody writes it. */
export type WrittenAttempt = {
  readonly channel: string
  readonly username: string
  readonly credential: string
  readonly source: string
  readonly method?: string | undefined
  readonly path?: string | undefined
  readonly host?: string | undefined
}

const channels = ['http', 'smpp', 'web'] as const
const credentials = ['password', 'api-key', 'session'] as const

const oneOf = <Word extends string>(words: readonly Word[], text: string): Word | undefined =>
  words.find((word) => word === text)

/** Reads it, or names all its faults at once. */
export const readImagined = (
  written: WrittenAttempt,
): { readonly imagined: Imagined } | { readonly faults: readonly Fault[] } => {
  const channel = oneOf(channels, written.channel)
  const credential = oneOf(credentials, written.credential)
  const source = parseAddress(written.source)
  const faults: Fault[] = []
  if (channel === undefined)
    faults.push({ path: 'channel', message: `takes one of ${channels.join(', ')}` })
  if (credential === undefined)
    faults.push({ path: 'credential', message: `takes one of ${credentials.join(', ')}` })
  else if (channel === 'smpp' && credential !== 'password')
    faults.push({ path: 'credential', message: 'takes password alone on SMPP' })
  if (source === undefined)
    faults.push({ path: 'source', message: 'takes one address, such as 203.0.113.7' })
  if (channel === undefined || credential === undefined || faults.length > 0) return { faults }
  const { username, method, path, host } = written
  return { imagined: { channel, username, credential, source, method, path, host } }
}

/** What the door found wrong before anybody was asked. */
const wireFaults: readonly WireFault[] = [
  'request-malformed',
  'method-not-allowed',
  'request-timeout',
  'content-too-large',
  'header-fields-too-large',
]

/** With what it was tried, as far as the reason tells; else a password, as most are. */
const kinds: Partial<Record<Reason, CredentialKind>> = {
  'credential-absent': 'absent',
  'credential-malformed': 'malformed',
  'credential-ambiguous': 'ambiguous',
  'key-disabled': 'api-key',
  'key-expired': 'api-key',
  'key-source-not-allowed': 'api-key',
  'session-ended': 'session',
  'session-source-changed': 'session',
}

/** What is written down of a refusal. */
export type WrittenRefusal = {
  readonly reason: string | null
  readonly channel: string
  readonly username: string | null
  readonly source: string | null
  readonly target: string | null
}

/** The attempt of a recorded refusal, to ask what would be said of it now. */
export const imaginedOf = (event: WrittenRefusal): Imagined => {
  const reason = event.reason as Reason
  const [method, path] = event.target?.split(' ') ?? []
  return {
    channel: event.channel as Channel,
    username: event.username ?? undefined,
    credential: kinds[reason] ?? 'password',
    source: event.source === null ? undefined : parseAddress(event.source),
    fault: wireFaults.find((fault) => fault === reason),
    secret: reason === 'secret-wrong' ? 'wrong' : 'right',
    keyIsUnknown: kinds[reason] === 'api-key',
    method,
    path,
  }
}
