import { maxPasswordOctets } from '../policies/passwords.ts'
import { problemResponse } from '../policies/problem.ts'
import { readingOf } from '../policies/reasons.ts'
import type { Caller } from './caller.ts'
import type { ApiDeps } from './deps.ts'
import type { Faulty } from './problems.ts'

export type OwnPassword = {
  readonly caller: Caller
  /** What the caller says it is. */
  readonly password: string | undefined
  /** For the audit: `POST /api/v1/…`. */
  readonly target: string
}

const fault = (message: string): Faulty => ({ faults: [{ path: 'currentPassword', message }] })

const isPossible = (password: string): boolean =>
  password.isWellFormed() && Buffer.byteLength(password) <= maxPasswordOctets

/**
 * Tries the caller's own password, on the same road and in the same counters as a sign-in, so that
 * a borrowed key or session is no place to guess it. Undefined: it is right.
 */
export const tryOwnPassword = async (
  { authorize, database }: Pick<ApiDeps, 'authorize' | 'database'>,
  { caller: { user, client }, password, target }: OwnPassword,
): Promise<undefined | Faulty | Response> => {
  if (password === undefined) return fault('is needed to change what is your own')
  if (!isPossible(password)) return fault('is not the password')
  const secret = Buffer.from(password)
  const decision = await authorize({
    channel: 'web',
    client,
    credential: { kind: 'password', username: user.username, secret },
    route: {},
    target,
  })
  // Whatever is owed beside it, the password was right.
  if (decision.effect !== 'refuse') return undefined
  const { reason, retryAt, id } = decision
  if (readingOf(reason).http === 401) return fault('is not the password')
  return problemResponse(reason, id, { retryAt, now: database.now() })
}
