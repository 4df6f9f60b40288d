import { parseLanguage, type Language } from '../../policies/languages.ts'
import { createMailTexts } from '../texts/mail-texts.ts'
import { frame, nameOf, type Link, type Pen } from './drafts.ts'
import {
  draftAccountCreated,
  draftContactChanged,
  draftDeletionRequested,
  draftEmailVerification,
  draftFactorChanged,
  draftInvite,
  draftKeyExpiring,
  draftLocked,
  draftNewDevice,
  draftPasswordChanged,
  draftPasswordReset,
  draftPin,
  draftUnlocked,
  type FactorChange,
  type Happening,
  type LockNotice,
  type NewContact,
} from './events.ts'
import { layOut, type Draft } from './layout.ts'
import type { Delivery, Mailer } from './mail.ts'

/** Whom a notice is for, as the directory knows them (a `UserView` is one). */
export type Recipient = {
  readonly enabled: boolean
  readonly email: string | null
  readonly username: string
  readonly firstName: string
  readonly lastName: string
  readonly language: string
  readonly timeZone: string
  /** Where users of their account turn to, if not where everybody does. */
  readonly support?: string | null | undefined
}

/** `nobody`: the user is disabled (U4), or has no address, or nobody is set to be told. */
export type Noticed = Delivery | 'nobody'

export type NoticeSettings = {
  readonly mailer: Pick<Mailer, 'send'>
  /** The base of every link: a link to elsewhere is never sent. */
  readonly publicUrl: string
  /** Where users turn with questions, and where requests for deletion go. */
  readonly supportEmail?: string | undefined
  readonly now: () => number
}

const dayMs = 86_400_000
/** A PIN that is not under way within it goes by the next channel instead. */
const pinDeadlineMs = 3_000

/** Every mail that is sent to people, each by its own function; the caller tells what is true. */
export const createNotices = ({ mailer, publicUrl, supportEmail, now }: NoticeSettings) => {
  const speak = createMailTexts()
  const { origin, host: site } = new URL(publicUrl)

  const penFor = async (tag: string, timeZone: string): Promise<Pen> => {
    const language: Language = parseLanguage(tag) ?? 'en'
    return { say: await speak(language), language, timeZone }
  }

  /** A link made from what a request claims of our name would hand its token to a stranger. */
  const ours = <T extends Link>(values: T): T => {
    if (URL.parse(values.link)?.origin !== origin)
      throw new Error('a link in a mail does not lead to us')
    return values
  }

  const write = async (
    user: Recipient,
    draft: (pen: Pen) => Draft,
    deadlineMs?: number,
  ): Promise<Noticed> => {
    if (!user.enabled || user.email === null) return 'nobody'
    const pen = await penFor(user.language, user.timeZone)
    const support = user.support ?? supportEmail
    const letter = frame(pen, draft(pen), { name: nameOf(user), site, support })
    const content = await layOut(letter, pen.language, pen.say)
    return mailer.send({
      ...content,
      to: user.email,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    })
  }

  return {
    accountCreated: (user: Recipient, values: Link) =>
      write(user, (pen) => draftAccountCreated(pen, { ...ours(values), username: user.username })),

    /** The invited person has no username yet: it is empty. */
    invite: (
      user: Recipient,
      values: Link & { readonly account: string; readonly invitedBy: string },
    ) => write(user, (pen) => draftInvite(pen, ours(values))),

    unlocked: (user: Recipient, values: Link) =>
      write(user, (pen) => draftUnlocked(pen, ours(values))),

    locked: (user: Recipient, values: LockNotice) => write(user, (pen) => draftLocked(pen, values)),

    passwordChanged: (user: Recipient, values: Happening) =>
      write(user, (pen) => draftPasswordChanged(pen, values)),

    /** To one address: the one before and the new one are told each. */
    emailChanged: (user: Recipient, values: NewContact & { readonly address: string }) =>
      write({ ...user, email: values.address }, (pen) => draftContactChanged(pen, 'email', values)),

    mobileChanged: (user: Recipient, values: NewContact) =>
      write(user, (pen) => draftContactChanged(pen, 'mobile', values)),

    secondFactorChanged: (user: Recipient, values: FactorChange) =>
      write(user, (pen) => draftFactorChanged(pen, values)),

    keyExpiring: (user: Recipient, values: { readonly name: string; readonly expiresAt: number }) =>
      write(user, (pen) => {
        const days = Math.max(1, Math.ceil((values.expiresAt - now()) / dayMs))
        return draftKeyExpiring(pen, { ...values, days })
      }),

    newDevice: (user: Recipient, values: Happening & { readonly device?: string }) =>
      write(user, (pen) => draftNewDevice(pen, values)),

    /** Tried once and within a deadline, so that no PIN arrives after it was replaced. */
    pin: (
      user: Recipient,
      values: { readonly pin: string; readonly minutes: number; readonly deadlineMs?: number },
    ) => write(user, (pen) => draftPin(pen, values), values.deadlineMs ?? pinDeadlineMs),

    /** To the address that is to be confirmed, which need not be the user's yet. */
    emailVerification: (user: Recipient, values: Link & { readonly email: string }) =>
      write({ ...user, email: values.email }, (pen) => draftEmailVerification(pen, ours(values))),

    passwordReset: (
      user: Recipient,
      values: Link & { readonly source?: string | null | undefined },
    ) => write(user, (pen) => draftPasswordReset(pen, ours(values))),

    /** To Support, in the account's own words and clock where they are known. */
    deletionRequested: async (
      user: Recipient & { readonly id: string },
      values: {
        readonly at: number
        readonly account: string
        readonly requestedBy: string
        readonly language?: string
        readonly timeZone?: string
      },
    ): Promise<Noticed> => {
      const to = user.support ?? supportEmail
      if (to === undefined) return 'nobody'
      const pen = await penFor(values.language ?? 'en', values.timeZone ?? 'UTC')
      const draft = draftDeletionRequested(pen, {
        account: values.account,
        username: user.username,
        name: [user.firstName, user.lastName].join(' ').trim(),
        email: user.email,
        userId: user.id,
        requestedBy: values.requestedBy,
        time: values.at,
      })
      const letter = frame(pen, draft, { name: '', site, support: undefined })
      return mailer.send({ ...(await layOut(letter, pen.language, pen.say)), to })
    },
  }
}

export type Notices = ReturnType<typeof createNotices>
