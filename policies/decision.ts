import type { Reason } from './reasons.ts'

/** The outcome of the rules: permitted, one more proof owed, or refused for a reason of the table. */
export type Verdict =
  | { readonly effect: 'permit' }
  | { readonly effect: 'challenge'; readonly reason: 'second-factor-required' }
  | { readonly effect: 'refuse'; readonly reason: Reason; readonly retryAt?: number }

export type Refuse = Extract<Verdict, { effect: 'refuse' }>

export const permit: Verdict = Object.freeze({ effect: 'permit' })

export const challenge: Verdict = Object.freeze({
  effect: 'challenge',
  reason: 'second-factor-required',
})

/** A refusal; `retryAt` (ms since the epoch) tells when the same attempt may be made again. */
export const refuse = (reason: Reason, retryAt?: number): Refuse =>
  retryAt === undefined ? { effect: 'refuse', reason } : { effect: 'refuse', reason, retryAt }
