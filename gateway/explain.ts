import type { Attempts } from '../db/attempts.ts'
import { explain } from '../policies/decide.ts'
import type { Explain, Imagined } from '../policies/imagined.ts'
import { foldUsername } from '../policies/names.ts'
import type { Attempt, Credential } from '../policies/ports.ts'
import type { Directory } from './directory.ts'
import { createGather } from './gather.ts'
import type { MatchRoute } from './http/routes.ts'
import { readTarget } from './http/target.ts'

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
  const routeOf = (imagined: Imagined): Pick<Attempt, 'route' | 'fault'> => {
    const { channel, method, path, host, route } = imagined
    if (route !== undefined) return { route }
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
