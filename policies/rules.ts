import { isSameAddress } from './address.ts'
import { challenge, refuse, type Verdict } from './decision.ts'
import type { Facts } from './facts.ts'
import { holds } from './permissions.ts'
import { covers } from './safelist.ts'

/** A rule objects with a verdict, or has nothing to say. Pure; its name is what `explain` shows. */
export type Rule = (facts: Facts) => Verdict | undefined

/** A time that cannot be compared (NaN) is not past, so that a bad fact refuses. */
const isPast = (time: number, now: number): boolean => time <= now

const requestIsSound: Rule = ({ fault }) => (fault === undefined ? undefined : refuse(fault))

const sourceIsReadable: Rule = ({ client }) =>
  client === undefined ? refuse('source-unreadable') : undefined

const sourceIsWithinBudget: Rule = ({ now, sourceBlockedUntil }) =>
  sourceBlockedUntil !== undefined && !isPast(sourceBlockedUntil, now)
    ? refuse('source-over-budget', sourceBlockedUntil)
    : undefined

/** Exactly one readable credential (RFC 9110 §11.6.2). */
const credentialIsUsable: Rule = ({ credential }) => {
  if (credential === 'absent') return refuse('credential-absent')
  if (credential === 'malformed') return refuse('credential-malformed')
  return credential === 'ambiguous' ? refuse('credential-ambiguous') : undefined
}

/** Before anyone is looked up, so that being busy does not tell who exists. */
const secretCanBeTried: Rule = ({ credential, secret, saturated }) =>
  saturated === true && credential === 'password' && secret === 'untried'
    ? refuse('overloaded')
    : undefined

const userIsKnown: Rule = ({ user }) => (user === undefined ? refuse('user-unknown') : undefined)

/** A disabled user neither signs in, calls, nor binds (U4). */
const userIsEnabled: Rule = ({ user }) =>
  user?.enabled === false ? refuse('user-disabled') : undefined

/** An empty safelist allows every address; any other only what it covers (U9). */
const sourceIsSafelisted: Rule = ({ now, client, user }) =>
  user !== undefined && (client === undefined || !covers(user.safelist, client, now))
    ? refuse('source-not-safelisted')
    : undefined

/** Basic credentials are off until an Account admin allows them, per protocol (U12). */
const basicIsAllowed: Rule = ({ channel, credential, user }) =>
  credential !== 'password' || channel === 'web' || user?.apiAccess[channel] === true
    ? undefined
    : refuse('basic-not-allowed')

const userIsNotLocked: Rule = ({ now, lockedUntil }) =>
  lockedUntil !== undefined && !isPast(lockedUntil, now)
    ? refuse('user-locked', lockedUntil)
    : undefined

/** What was never tried is as good as wrong: no road to a permit leads around the proof. */
const secretIsRight: Rule = ({ secret }) => {
  if (secret === 'right') return undefined
  return refuse(secret === 'wrong' ? 'secret-wrong' : 'unavailable')
}

const keyIsEnabled: Rule = ({ key }) =>
  key?.enabled === false ? refuse('key-disabled') : undefined

const keyIsInItsWindow: Rule = ({ now, key }) =>
  key === undefined || (now >= (key.notBefore ?? -Infinity) && now < (key.expiresAt ?? Infinity))
    ? undefined
    : refuse('key-expired')

const keyAllowsTheSource: Rule = ({ now, client, key }) =>
  key !== undefined && (client === undefined || !covers(key.safelist, client, now))
    ? refuse('key-source-not-allowed')
    : undefined

const sessionIsAlive: Rule = ({ session }) =>
  session?.ended === true ? refuse('session-ended') : undefined

/** A session token is bound to the address that it was given to, unless `unsafe`. */
const sessionIsAtItsSource: Rule = ({ client, session }) =>
  session?.boundTo === undefined || (client !== undefined && isSameAddress(session.boundTo, client))
    ? undefined
    : refuse('session-source-changed')

const routeIsKnown: Rule = ({ route }) =>
  route === undefined ? refuse('route-unknown') : undefined

/** A key that carries permissions of its own narrows the user's; it never widens them. */
const permissionIsHeld: Rule = ({ user, key, route }) => {
  const needed = route?.permission
  if (needed === undefined || user === undefined) return undefined
  const held =
    holds(user.permissions, needed) && (!key?.permissions || holds(key.permissions, needed))
  return held ? undefined : refuse('permission-missing')
}

const secondFactorIsPassed: Rule = ({ secondFactor }) =>
  secondFactor === 'owed' ? challenge : undefined

/** The rules that need no secret, in order. */
export const screening: readonly Rule[] = [
  requestIsSound,
  sourceIsReadable,
  sourceIsWithinBudget,
  credentialIsUsable,
  secretCanBeTried,
  userIsKnown,
  userIsEnabled,
  sourceIsSafelisted,
  basicIsAllowed,
  userIsNotLocked,
]

/** The rules that speak once the secret has been tried. */
export const proving: readonly Rule[] = [
  secretIsRight,
  keyIsEnabled,
  keyIsInItsWindow,
  keyAllowsTheSource,
  sessionIsAlive,
  sessionIsAtItsSource,
  routeIsKnown,
  permissionIsHeld,
  secondFactorIsPassed,
]
