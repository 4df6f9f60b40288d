import { permit, refuse, type Verdict } from './decision.ts'
import type { Facts } from './facts.ts'
import { proving, screening, type Rule } from './rules.ts'

const rules: readonly Rule[] = [...screening, ...proving]

/** What each rule said of the facts, in order; `passed` when it had nothing against them. */
export type Answer = { readonly rule: string; readonly outcome: 'passed' | Verdict['effect'] } & {
  readonly because?: string
}

const firstWord = (of: readonly Rule[], facts: Facts): Verdict | undefined => {
  for (const rule of of) {
    const verdict = rule(facts)
    if (verdict !== undefined) return verdict
  }
  return undefined
}

/** Refuses what needs no secret, so that an outsider costs no hash; undefined: go on and verify. */
export const screen = (facts: Facts): Verdict | undefined => firstWord(screening, facts)

/** Total and pure: the first rule that objects decides; the last word, without a proof, is refuse. */
export const decide = (facts: Facts): Verdict =>
  firstWord(rules, facts) ?? (facts.secret === 'right' ? permit : refuse('unavailable'))

/** Runs the same rules as `decide` and keeps every answer, so explaining cannot differ from enforcing. */
export const explain = (
  facts: Facts,
): { readonly verdict: Verdict; readonly answers: readonly Answer[] } => ({
  verdict: decide(facts),
  answers: rules.map((rule) => {
    const verdict = rule(facts)
    if (verdict === undefined) return { rule: rule.name, outcome: 'passed' }
    return 'reason' in verdict
      ? { rule: rule.name, outcome: verdict.effect, because: verdict.reason }
      : { rule: rule.name, outcome: verdict.effect }
  }),
})
