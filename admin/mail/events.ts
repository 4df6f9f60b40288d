import type { Draft } from './layout.ts'
import { factsOf, line, linkOf, type Facts, type Link, type Pen } from './drafts.ts'
import { maskEmail, maskNumber } from './masks.ts'

/** When something was done, and from where. */
export type Happening = {
  /** Ms since the epoch. */
  readonly at: number
  readonly source?: string | null | undefined
}

export type LockNotice = {
  readonly failures: number
  readonly at: number
  /** Null: until an admin unlocks. */
  readonly until: number | null
  /** Addresses; sources that are not known go without saying. */
  readonly sources: readonly string[]
  readonly channels: readonly ('http' | 'smpp' | 'web')[]
}

export type FactorChange = Happening &
  (
    | {
        readonly change: 'channel'
        readonly to: 'email' | 'sms' | 'voice' | 'totp'
        /** When a PIN is required from now on, if that was changed with it. */
        readonly mode?: 'always' | 'remembered'
      }
    | {
        readonly change: 'authenticatorAdded' | 'authenticatorRemoved' | 'deviceRemoved'
        readonly device: string
      }
    | { readonly change: 'always' | 'remembered' | 'recoveryCodes' }
  )

/** How a contact was changed; null: there is none now. */
export type NewContact = Happening & { readonly to: string | null }

const protocols = { http: 'HTTP', smpp: 'SMPP', web: 'Web' } as const

const happening = ({ at, source }: Happening): Facts => ({ time: at, address: source })

export const draftAccountCreated = (pen: Pen, values: Link & { username: string }): Draft => ({
  subject: pen.say('accountCreated.subject'),
  blocks: [
    line(pen.say('accountCreated.body')),
    ...factsOf(pen, { username: values.username }),
    ...linkOf(pen, pen.say('accountCreated.action'), values),
  ],
})

export const draftInvite = (
  pen: Pen,
  { account, invitedBy, ...link }: Link & { account: string; invitedBy: string },
): Draft => ({
  subject: pen.say('invite.subject'),
  blocks: [
    line(pen.say('invite.body')),
    ...factsOf(pen, { account, invitedBy }),
    ...linkOf(pen, pen.say('invite.action'), link),
    line(pen.say('ignore')),
  ],
})

export const draftUnlocked = (pen: Pen, values: Link): Draft => ({
  subject: pen.say('unlocked.subject'),
  blocks: [
    line(pen.say('unlocked.body')),
    line(pen.say('unlocked.how')),
    ...linkOf(pen, pen.say('resetPassword'), values),
  ],
})

export const draftLocked = (pen: Pen, lock: LockNotice): Draft => ({
  subject: pen.say('locked.subject'),
  blocks: [
    line(pen.say('locked.body', { count: lock.failures })),
    ...(lock.until === null ? [line(pen.say('locked.untilAdmin'))] : []),
    ...factsOf(pen, {
      time: lock.at,
      lockedUntil: lock.until,
      address: lock.sources.filter((source) => source !== 'unknown').join(', '),
      protocol: lock.channels.map((channel) => protocols[channel]).join(', '),
    }),
    line(pen.say('locked.hint')),
  ],
})

export const draftPasswordChanged = (pen: Pen, values: Happening): Draft => ({
  subject: pen.say('passwordChanged.subject'),
  blocks: [
    line(pen.say('passwordChanged.body')),
    ...factsOf(pen, happening(values)),
    line(pen.say('unexpected')),
  ],
})

/** The new contact is hinted at: this goes to whoever reads the old address too. */
export const draftContactChanged = (
  pen: Pen,
  what: 'email' | 'mobile',
  values: NewContact,
): Draft => {
  const mask = what === 'email' ? maskEmail : maskNumber
  const contact = values.to === null ? null : mask(values.to)
  return {
    subject: pen.say(`${what}Changed.subject`),
    blocks: [
      line(pen.say(contact === null ? `${what}Changed.removed` : `${what}Changed.body`)),
      ...factsOf(pen, { [what]: contact, ...happening(values) }),
      line(pen.say('unexpected')),
    ],
  }
}

export const draftFactorChanged = (pen: Pen, values: FactorChange): Draft => ({
  subject: pen.say('secondFactor.subject'),
  blocks: [
    line(pen.say(`secondFactor.${values.change}`)),
    ...('mode' in values ? [line(pen.say(`secondFactor.${values.mode}`))] : []),
    ...factsOf(pen, {
      channel: values.change === 'channel' ? pen.say(`channel.${values.to}`) : null,
      device: 'device' in values ? values.device : null,
      ...happening(values),
    }),
    line(pen.say('unexpected')),
  ],
})

export const draftKeyExpiring = (
  pen: Pen,
  { name, expiresAt, days }: { name: string; expiresAt: number; days: number },
): Draft => ({
  subject: pen.say('keyExpiring.subject'),
  blocks: [
    line(pen.say('keyExpiring.body', { count: days })),
    ...factsOf(pen, { apiKey: name, expires: expiresAt }),
    line(pen.say('keyExpiring.advice')),
  ],
})

export const draftNewDevice = (pen: Pen, values: Happening & { device?: string }): Draft => ({
  subject: pen.say('newDevice.subject'),
  blocks: [
    line(pen.say('newDevice.body')),
    ...factsOf(pen, { ...happening(values), device: values.device }),
    line(pen.say('wasYou')),
    line(pen.say('notYou')),
  ],
})

export const draftPin = (pen: Pen, { pin, minutes }: { pin: string; minutes: number }): Draft => ({
  subject: pen.say('pin.subject'),
  blocks: [
    line(pen.say('pin.body')),
    { kind: 'pin', pin },
    line(pen.say('pin.validity', { count: minutes })),
    line(pen.say('pin.secret')),
    line(pen.say('notYou')),
  ],
})

export const draftEmailVerification = (pen: Pen, values: Link): Draft => ({
  subject: pen.say('verifyEmail.subject'),
  blocks: [
    line(pen.say('verifyEmail.body')),
    ...linkOf(pen, pen.say('verifyEmail.action'), values),
    line(pen.say('ignore')),
  ],
})

export const draftPasswordReset = (
  pen: Pen,
  values: Link & { readonly source?: string | null | undefined },
): Draft => ({
  subject: pen.say('passwordReset.subject'),
  blocks: [
    line(pen.say('passwordReset.body')),
    ...factsOf(pen, { address: values.source }),
    ...linkOf(pen, pen.say('resetPassword'), values),
    line(pen.say('passwordReset.unasked')),
  ],
})

export const draftDeletionRequested = (pen: Pen, facts: Facts): Draft => ({
  subject: pen.say('deletion.subject'),
  blocks: [line(pen.say('deletion.body')), ...factsOf(pen, facts)],
})
