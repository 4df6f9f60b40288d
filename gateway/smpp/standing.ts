import { refuse, type Verdict } from '../../policies/decision.ts'
import type { User } from '../../policies/facts.ts'
import type { Attempt } from '../../policies/ports.ts'
import type { Resident } from '../directory.ts'
import type { Judge } from '../judge.ts'
import { findProof, isStillRight } from '../verification.ts'
import type { Visit } from './door.ts'

/** What a bind stands on, looked at again and again. */
export type Standing = {
  /** What the rules and the user's own limits say, now that the user is `now`. */
  readonly judge: (now: Resident | undefined) => Verdict
  /** Finds which of the user's secrets proved the bind; `now` is the user just after it did. */
  readonly prove: (now: Resident) => void
}

const noSecret = new Uint8Array(0)

/** What was asked for, and how: the secret has been tried, and is kept no longer than it must. */
const withoutSecret = (attempt: Attempt): Attempt =>
  attempt.credential.kind === 'password'
    ? { ...attempt, credential: { ...attempt.credential, secret: noSecret } }
    : attempt

/**
 * A bind stands while its own secret is good: a change of another one, or an overlap, leaves it
 * alone. `clock` in ms since the epoch.
 */
export const createStanding = (
  visit: Visit,
  user: User,
  rules: Judge,
  clock: () => number,
): Standing => {
  const { validUntil } = visit.decision
  const { type } = visit.request
  const attempt = withoutSecret(visit.attempt)
  let proof: string | undefined
  const isSame = (now: Resident): boolean => now.user.credentialEpoch === user.credentialEpoch

  const isProven = (now: Resident): boolean =>
    (proof !== undefined && isStillRight(now, 'smpp', proof, clock())) ||
    // The hash may have been made anew, of the same secret.
    (isSame(now) && validUntil === undefined)

  return {
    judge: (now) => {
      const verdict = rules({
        attempt,
        then: user,
        now: now?.user,
        isProven: now && isProven(now),
      })
      const isOfItsType = now?.smppLimits.bindTypes?.includes(type) !== false
      return verdict.effect === 'permit' && !isOfItsType ? refuse('permission-missing') : verdict
    },
    prove: (now) => {
      if (isSame(now)) proof = findProof(now, 'smpp', validUntil)
    },
  }
}
