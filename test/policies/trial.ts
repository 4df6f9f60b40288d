import { emptyBucket } from '../../policies/bucket.ts'
import { fail, giveBack, reserve, succeed } from '../../policies/guess.ts'
import { defaultLockoutRules, type LockoutRules } from '../../policies/lockout.ts'

export const minute = 60_000
export const start = 1_000_000

/** One bucket and its clock: `begin` reserves, the others end what was begun. */
export const createTrial = (change: Partial<LockoutRules> = {}) => {
  const trial = {
    state: emptyBucket,
    now: start,
    rules: { ...defaultLockoutRules, ...change },
    holders: 0,
    wait(ms: number) {
      trial.now += ms
    },
    begin(fingerprint: string) {
      const attempted = { holder: String(++trial.holders), fingerprint }
      const { state, ...reservation } = reserve(trial.state, attempted, trial.now, trial.rules)
      trial.state = state
      return { ...attempted, ...reservation }
    },
    fail(attempted: { holder: string; fingerprint: string }) {
      const origin = { channel: 'http', source: '203.0.113.7' } as const
      const failed = fail(trial.state, { ...attempted, ...origin }, trial.now, trial.rules)
      trial.state = failed.state
      return failed
    },
    giveBack({ holder }: { holder: string }) {
      trial.state = giveBack(trial.state, holder, trial.now)
    },
    succeed({ holder }: { holder: string }) {
      const { state, outcome } = succeed(trial.state, holder, trial.now)
      trial.state = state
      return outcome
    },
    /** Tries wrong secrets one after the other and tells how each attempt began. */
    wrong(...fingerprints: readonly string[]) {
      return fingerprints.map((fingerprint) => {
        const attempt = trial.begin(fingerprint)
        if (attempt.outcome === 'reserved') trial.fail(attempt)
        return attempt.outcome
      })
    },
    lockedFor: () => trial.state.lockedUntil - trial.now,
  }
  return trial
}

export const five = ['a', 'b', 'c', 'd', 'e'] as const
