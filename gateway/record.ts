import type { Attempts } from '../db/attempts.ts'
import type { LastUses } from '../db/last-uses.ts'
import type { RefusalLog } from '../db/refusals.ts'
import type { Fingerprints } from '../db/secrets.ts'
import type { SourceLog } from '../db/sources.ts'
import { sourceGroup } from '../policies/address.ts'
import type { Verdict } from '../policies/decision.ts'
import type { Facts, User } from '../policies/facts.ts'
import { defaultLockoutRules, unknownBucket } from '../policies/lockout.ts'
import { foldUsername } from '../policies/names.ts'
import type { Attempt } from '../policies/ports.ts'
import { readingOf, type Reason } from '../policies/reasons.ts'

/** Writes down what was decided; deciding and recording are one act. */
export type Recorder = {
  /** Records a verdict and answers the id of the decision (UUIDv7). Never throws. */
  readonly record: (attempt: Attempt, facts: Facts, verdict: Verdict) => string
  /** A permitted attempt came to nothing after all: why is kept, under an id of its own. */
  readonly recordFailure: (attempt: Attempt, user: User | undefined, reason: Reason) => string
}

export type RecorderDeps = {
  readonly attempts: Attempts
  readonly refusals: RefusalLog
  readonly sources: SourceLog
  readonly keyUses: LastUses
  readonly fingerprints: Fingerprints
  readonly newId: () => string
  /** This user succeeded from there: it is a known source from now on. */
  readonly succeeded: (userId: string, group: string, now: number) => void
  readonly logFailure: (error: unknown) => void
}

const nameOf = ({ credential }: Attempt): string | undefined =>
  credential.kind === 'password' ? foldUsername(credential.username) : undefined

export const createRecorder = (deps: RecorderDeps): Recorder => {
  const { attempts, refusals, sources, keyUses, fingerprints, logFailure } = deps

  /** A name that is no user's has counters too, so that it behaves as any other. */
  const countStranger = async (attempt: Attempt, source: string): Promise<void> => {
    const { credential, channel } = attempt
    if (credential.kind !== 'password') return
    const userKey = fingerprints.userKey({ name: foldUsername(credential.username) })
    const reservation = await attempts.reserve({
      userKey,
      existing: false,
      bucket: unknownBucket,
      channel,
      source,
      rules: defaultLockoutRules,
      fingerprint: fingerprints.fingerprint({
        userKey,
        against: 'password',
        epoch: 0,
        secret: credential.secret,
      }),
    })
    if (reservation.outcome === 'reserved') await attempts.fail(reservation.token)
  }

  const count = (attempt: Attempt, reason: Reason): void => {
    const { client, isProxyItself = false } = attempt
    if (client === undefined) return
    if (readingOf(reason).counts === 'source' && !isProxyItself)
      attempts.countSource(sourceGroup(client)).catch(logFailure)
    if (reason === 'user-unknown') countStranger(attempt, client.text).catch(logFailure)
  }

  const recordFailure: Recorder['recordFailure'] = (attempt, user, reason) => {
    const { channel, client, target } = attempt
    if (user !== undefined && client !== undefined) sources.seen(user.id, channel, client, reason)
    const name = user === undefined ? nameOf(attempt) : undefined
    return refusals.record({ channel, reason, client, user, name, target })
  }

  return {
    record: (attempt, facts, verdict) => {
      if (verdict.effect !== 'permit') {
        count(attempt, verdict.reason)
        return recordFailure(attempt, facts.user, verdict.reason)
      }
      const { user, client, channel, now, key } = facts
      if (user !== undefined && client !== undefined) {
        sources.seen(user.id, channel, client, 'permitted')
        if (key?.id !== undefined) keyUses.used(key.id, client, now)
        if (attempt.credential.kind === 'password')
          deps.succeeded(user.id, sourceGroup(client), now)
      }
      return deps.newId()
    },
    recordFailure,
  }
}
