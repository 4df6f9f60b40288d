import type { Attempts } from '../db/attempts.ts'
import type { Address } from '../policies/address.ts'
import { explain } from '../policies/decide.ts'
import type { Verdict } from '../policies/decision.ts'
import type { Channel, CredentialKind, Facts, WireFault } from '../policies/facts.ts'
import { foldUsername } from '../policies/names.ts'
import type { Attempt, Credential } from '../policies/ports.ts'
import type { Reason } from '../policies/reasons.ts'
import type { Directory } from './directory.ts'
import { createGather } from './gather.ts'
import type { MatchRoute } from './http/routes.ts'
import { readTarget } from './http/target.ts'

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

export type ExplainDeps = {
  readonly directory: Directory
  readonly attempts: Attempts
  readonly matchRoute: MatchRoute
  readonly now: () => number
}

const nothing = new Uint8Array()

/** What only a key at hand can answer. */
const ofKeys: ReadonlySet<string> = new Set([
  'keyIsEnabled',
  'keyIsInItsWindow',
  'keyAllowsTheSource',
])

const credentialOf = ({ credential: kind, username = '' }: Imagined): Credential => {
  if (kind === 'password') return { kind, username, secret: nothing }
  return kind === 'api-key' || kind === 'session' || kind === 'bearer'
    ? { kind, token: '' }
    : { kind }
}

/** The same road as `authorize`, without a secret, a count or a record. */
export const createExplain = ({ directory, attempts, matchRoute, now }: ExplainDeps): Explain => {
  const gather = createGather(attempts, () => false)

  /** Read as the door reads it, so that a path that it would refuse is refused here too. */
  const routeOf = ({ channel, method, path, host }: Imagined): Pick<Attempt, 'route' | 'fault'> => {
    if (channel !== 'http' || path === undefined) return { route: {} }
    const target = readTarget(method ?? 'GET', path, [host ?? 'localhost'])
    if ('fault' in target) return { route: {}, fault: target.fault }
    return { route: matchRoute(target.host, target.path) }
  }

  return async (imagined) => {
    const { channel, source, username, fault, secret = 'right', keyIsUnknown = false } = imagined
    const { route, fault: ofTarget } = routeOf(imagined)
    const attempt: Attempt = {
      channel,
      client: source,
      credential: credentialOf(imagined),
      route,
      fault: fault ?? ofTarget,
    }
    const resident =
      username === undefined ? undefined : await directory.find(foldUsername(username))
    const { verdict, answers } = explain(gather(attempt, { resident, secret }, now()))
    return {
      effect: keyIsUnknown && verdict.effect === 'permit' ? 'unknown' : verdict.effect,
      reason: 'reason' in verdict ? verdict.reason : null,
      rules: answers.map(({ rule, outcome, because = null }) => ({
        rule,
        outcome: keyIsUnknown && ofKeys.has(rule) ? 'unknown' : outcome,
        because,
      })),
    }
  }
}
