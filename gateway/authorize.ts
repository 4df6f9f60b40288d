import type { FoundKey } from '../db/api-keys.ts'
import type { Attempts } from '../db/attempts.ts'
import { digestToken } from '../db/secrets.ts'
import { decide, screen } from '../policies/decide.ts'
import { refuse, type Verdict } from '../policies/decision.ts'
import type { Channel, Facts, KeyFacts, User } from '../policies/facts.ts'
import type { Attempt, Authorize, Decision } from '../policies/ports.ts'
import type { Directory, Resident } from './directory.ts'
import { bucketFor, createGather, type Known } from './gather.ts'
import type { Recorder } from './record.ts'
import type { System } from './system.ts'
import type { Claim, PasswordCredential, Verified } from './verified.ts'
import type { Verify } from './verification.ts'

/**
 * What the rules say of something already permitted, now that its user is `now`. A password is
 * taken for proven while no secret of the user changed, unless the caller knows better.
 */
export type Judge = (
  attempt: Attempt,
  then: User,
  now: User | undefined,
  isProven?: boolean,
  key?: KeyFacts,
) => Verdict

/** The same for whatever was permitted, also by an API key, which is looked up for it. */
export type JudgeLive = (
  attempt: Attempt,
  then: User,
  now: User | undefined,
) => Verdict | Promise<Verdict>

export type AuthorizeDeps = {
  readonly system: System
  readonly directory: Directory
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

export const createAuthorize = (
  deps: AuthorizeDeps,
): { authorize: Authorize; judge: Judge; judgeLive: JudgeLive } => {
  const { system, directory, verified, verify, attempts, recorder } = deps
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

  const findKeyOf = async ({ credential }: Attempt): Promise<FoundKey | undefined> =>
    'token' in credential ? directory.findKey(digestToken(credential.token)) : undefined

  /** A secret of 122 bits and more that finds its row is right; there is nothing to guess at. */
  const onKey = async (attempt: Attempt, found: FoundKey | undefined): Promise<Decision> => {
    const resident = found && (await directory.findById(found.userId))
    // Once more, since the key may have been changed while its user was read.
    const key = resident && (await findKeyOf(attempt))
    return concludeBy(attempt, {
      resident: key && resident,
      secret: key === undefined ? 'untried' : 'right',
      key: key?.facts,
    })
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
    if (credential.kind === 'api-key')
      return findKeyOf(attempt).then((found) => onKey(attempt, found))
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

  /**
   * A lock and a source's budget stop guessing; what has proven its secret they leave alone, so
   * that no stranger can disconnect anyone.
   */
  const judge: Judge = (attempt, then, now, isProven, key) => {
    const proven =
      attempt.credential.kind !== 'password' ||
      (isProven ?? now?.credentialEpoch === then.credentialEpoch)
    return decide({
      now: system.now(),
      channel: attempt.channel,
      client: attempt.client,
      credential: attempt.credential.kind,
      user: now,
      secret: proven ? 'right' : 'wrong',
      key,
      route: attempt.route,
      secondFactor: 'not-needed',
    })
  }
  const judgeLive: JudgeLive = (attempt, then, now) => {
    if (attempt.credential.kind !== 'api-key') return judge(attempt, then, now)
    return findKeyOf(attempt).then((key) =>
      key === undefined ? refuse('key-disabled') : judge(attempt, then, now, true, key.facts),
    )
  }
  return { authorize, judge, judgeLive }
}
