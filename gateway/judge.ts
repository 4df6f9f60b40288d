import { decide } from '../policies/decide.ts'
import { refuse, type Verdict } from '../policies/decision.ts'
import type { KeyFacts, User } from '../policies/facts.ts'
import type { Attempt } from '../policies/ports.ts'
import type { OfferedKeys } from './offered-keys.ts'

/** Something that was permitted. */
export type Permitted = {
  readonly attempt: Attempt
  /** Its user as permitted, and as of now; undefined when there is no such user any more. */
  readonly then: User
  readonly now: User | undefined
}

export type Judged = Permitted & {
  /** Absent: a password is taken for proven while no secret of the user changed. */
  readonly isProven?: boolean | undefined
  readonly key?: KeyFacts | undefined
}

/** What the rules say of something already permitted, now that its user is another. */
export type Judge = (judged: Judged) => Verdict

/** The same for whatever was permitted, also by an API key, which is looked up for it. */
export type JudgeLive = (permitted: Permitted) => Verdict | Promise<Verdict>

/**
 * A lock and a source's budget stop guessing; what has proven its secret they leave alone, so
 * that no stranger can disconnect anyone. `clock` in ms since the epoch.
 */
export const createJudge =
  (clock: () => number): Judge =>
  ({ attempt, then, now, key, isProven = now?.credentialEpoch === then.credentialEpoch }) =>
    decide({
      now: clock(),
      channel: attempt.channel,
      client: attempt.client,
      credential: attempt.credential.kind,
      user: now,
      secret: attempt.credential.kind !== 'password' || isProven ? 'right' : 'wrong',
      key,
      route: attempt.route,
      secondFactor: 'not-needed',
    })

export const createJudgeLive =
  (judge: Judge, keys: OfferedKeys): JudgeLive =>
  (permitted) => {
    const { credential } = permitted.attempt
    if (credential.kind !== 'api-key') return judge(permitted)
    return keys
      .find(credential)
      .then((found) =>
        found === undefined ? refuse('key-disabled') : judge({ ...permitted, key: found.facts }),
      )
  }
