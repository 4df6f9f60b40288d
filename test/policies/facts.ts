import type { Verdict } from '../../policies/decision.ts'
import { address } from '../../policies/address.ts'
import type { Facts, KeyFacts, SessionFacts, User } from '../../policies/facts.ts'
import { defaultLockoutRules } from '../../policies/lockout.ts'
import { compilePermissions } from '../../policies/permissions.ts'
import type { Reason } from '../../policies/reasons.ts'
import {
  compileSafelist,
  openSafelist,
  readSafelist,
  type Safelist,
} from '../../policies/safelist.ts'

export const now = 1_700_000_000_000

export const listOf = (...ranges: readonly string[]): Safelist =>
  compileSafelist(readSafelist(ranges.map((range) => ({ range }))).ranges)

/** A user with nothing against: enabled, safelisted, both protocols allowed, one permission. */
export const acme: User = {
  id: 'u1',
  accountId: 'default',
  username: 'acme',
  credentialEpoch: 1,
  enabled: true,
  safelist: listOf('192.0.2.0/24', '2001:db8::/32'),
  apiAccess: { http: true, smpp: true },
  permissions: compilePermissions(['sms/send']),
  lockoutRules: defaultLockoutRules,
}

export const bind: Facts = {
  now,
  channel: 'smpp',
  client: address('192.0.2.7'),
  credential: 'password',
  user: acme,
  secret: 'right',
  route: {},
  secondFactor: 'not-needed',
}

export const request: Facts = { ...bind, channel: 'http', route: { permission: 'sms/send' } }
export const signIn: Facts = { ...bind, channel: 'web' }

export const key: KeyFacts = { enabled: true, safelist: openSafelist }
export const session: SessionFacts = { ended: false, boundTo: address('192.0.2.7') }

export type Row = { readonly title: string; readonly facts: Facts; readonly verdict: Verdict }

/** Rows of a table, each of which changes one thing of `base`. */
export const rowsOn = (base: Facts) => ({
  permits: (title: string, changed: Partial<Facts>): Row => ({
    title,
    facts: { ...base, ...changed },
    verdict: { effect: 'permit' },
  }),
  challenges: (title: string, changed: Partial<Facts>): Row => ({
    title,
    facts: { ...base, ...changed },
    verdict: { effect: 'challenge', reason: 'second-factor-required' },
  }),
  refuses: (title: string, changed: Partial<Facts>, reason: Reason, retryAt?: number): Row => ({
    title,
    facts: { ...base, ...changed },
    verdict: { effect: 'refuse', reason, ...(retryAt === undefined ? {} : { retryAt }) },
  }),
})
