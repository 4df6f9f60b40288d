import type { FoundKey } from '../db/api-keys.ts'
import type { Attempts } from '../db/attempts.ts'
import { decide, screen } from '../policies/decide.ts'
import { refuse, type Verdict } from '../policies/decision.ts'
import type { Channel, Facts } from '../policies/facts.ts'
import type { Attempt, Authorize, Decision } from '../policies/ports.ts'
import type { Directory, Resident } from './directory.ts'
import { bucketFor, createGather, type Known } from './gather.ts'
import type { KeyCredential, OfferedKeys } from './offered-keys.ts'
import type { Recorder } from './record.ts'
import type { System } from './system.ts'
import type { Claim, PasswordCredential, Verified } from './verified.ts'
import type { Verify } from './verification.ts'

export type AuthorizeDeps = {
  readonly system: System
  readonly directory: Directory
  readonly keys: OfferedKeys
  readonly verified: Verified
  readonly verify: Verify
  readonly attempts: Attempts
  readonly recorder: Recorder
  /** No further secret can be tried for the moment. */
  readonly isSaturated: () => boolean
  /** Told of each decision and how long it took, in ms. */
  readonly decided: (channel: Channel, verdict: Verdict, ms: number) => void
  /** Something failed on the way; the attempt was refused, and somebody must be told. */
  readonly logFailure: (error: unknown) => void
}

const anonymous: Known = { resident: undefined, secret: 'untried' }

export const createAuthorize = (deps: AuthorizeDeps): Authorize => {
  const { system, directory, keys, verified, verify, attempts, recorder } = deps
  const gather = createGather(attempts, deps.isSaturated)

  const conclude = (
    attempt: Attempt,
    facts: Facts,
    verdict: Verdict,
    validUntil?: number,
  ): Decision => ({
    ...verdict,
    id: recorder.record(attempt, facts, verdict),
    user: facts.user,
    validUntil,
    key: facts.key,
  })

  const concludeBy = (attempt: Attempt, known: Known): Decision => {
    const facts = gather(attempt, known, system.now())
    return conclude(attempt, facts, decide(facts), known.validUntil)
  }

  /** Anything thrown on the way refuses; a step that fails never means that it is skipped. */
  const fail = (attempt: Attempt, error: unknown): Decision => {
    deps.logFailure(error)
    const facts = gather(attempt, anonymous, system.now())
    return conclude(attempt, facts, refuse('unavailable'))
  }

  /** Tries the secret, then decides on the user as it is by then. */
  const tryPassword = async (
    attempt: Attempt,
    credential: PasswordCredential,
    claim: Claim,
    resident: Resident,
  ): Promise<Decision> => {
    const { client, channel } = attempt
    const bucket = bucketFor(attempt, resident, system.now())
    if (client === undefined || bucket === undefined) return concludeBy(attempt, anonymous)
    const tried = await verify({ credential, key: claim.key, resident, bucket, channel, client })
    const current = await directory.find(claim.name)
    if (tried.outcome === 'overloaded') {
      const facts = gather(attempt, { resident: current, secret: 'untried' }, system.now())
      return conclude(attempt, facts, refuse('overloaded'))
    }
    if (tried.outcome === 'locked')
      return concludeBy(attempt, {
        resident: current,
        secret: 'untried',
        lockedUntil: tried.until,
      })
    const isCurrent =
      current?.user.id === resident.user.id &&
      current.user.credentialEpoch === resident.user.credentialEpoch
    const right = tried.outcome === 'right' && isCurrent
    if (right) verified.remember(claim, resident.user, tried.validUntil)
    return concludeBy(attempt, {
      resident: current,
      secret: right ? 'right' : 'wrong',
      wasOpen: !right,
      validUntil: tried.outcome === 'right' ? tried.validUntil : undefined,
    })
  }

  const onPassword = (
    attempt: Attempt,
    credential: PasswordCredential,
    claim: Claim,
    resident: Resident | undefined,
  ): Decision | Promise<Decision> => {
    const right = resident && verified.recall(claim, resident.user)
    const facts = gather(attempt, { resident, secret: right ? 'right' : 'untried' }, system.now())
    if (right !== undefined) return conclude(attempt, facts, decide(facts), right.validUntil)
    const refused = screen(facts)
    if (refused !== undefined || resident === undefined)
      return conclude(attempt, facts, refused ?? refuse('user-unknown'))
    return tryPassword(attempt, credential, claim, resident)
  }

  const concludeByKey = (
    attempt: Attempt,
    key: FoundKey | undefined,
    resident: Resident | undefined,
  ): Decision =>
    concludeBy(attempt, {
      resident: key && resident,
      secret: key === undefined ? 'untried' : 'right',
      key: key?.facts,
    })

  const lookUpKey = async (attempt: Attempt, credential: KeyCredential): Promise<Decision> => {
    const found = await keys.find(credential)
    const resident = found && (await directory.findById(found.userId))
    // Once more, since the key may have been changed while its user was read.
    const key = resident && (await keys.find(credential))
    return concludeByKey(attempt, key, resident)
  }

  /** A secret of 122 bits and more that finds its row is right; there is nothing to guess at. */
  const onKey = (attempt: Attempt, credential: KeyCredential): Decision | Promise<Decision> => {
    const key = keys.peek(credential)
    const resident = key && directory.peekById(key.userId)
    return resident === undefined
      ? lookUpKey(attempt, credential)
      : concludeByKey(attempt, key, resident)
  }

  const proceed = (attempt: Attempt): Decision | Promise<Decision> => {
    const { credential } = attempt
    // What the wire spoiled is refused before anyone is looked up.
    if (attempt.fault !== undefined || attempt.client === undefined)
      return concludeBy(attempt, anonymous)
    if (credential.kind === 'password') {
      const claim = verified.claim(credential, attempt.channel)
      const resident = directory.peek(claim.name)
      if (resident !== undefined) return onPassword(attempt, credential, claim, resident)
      return directory
        .find(claim.name)
        .then((found) => onPassword(attempt, credential, claim, found))
    }
    if (credential.kind === 'api-key') return onKey(attempt, credential)
    return concludeBy(attempt, anonymous)
  }

  const proceedSafely = (attempt: Attempt): Decision | Promise<Decision> => {
    try {
      const decision = proceed(attempt)
      if (!(decision instanceof Promise)) return decision
      return decision.catch((error: unknown) => fail(attempt, error))
    } catch (error) {
      return fail(attempt, error)
    }
  }

  const authorize: Authorize = (attempt) => {
    const began = system.elapsed()
    const told = (decision: Decision): Decision => {
      deps.decided(attempt.channel, decision, system.elapsed() - began)
      return decision
    }
    const decision = proceedSafely(attempt)
    return decision instanceof Promise ? decision.then(told) : told(decision)
  }
  return authorize
}
