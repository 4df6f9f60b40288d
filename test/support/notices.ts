import type { Mail } from '../../admin/mail/mail.ts'
import {
  createNotices,
  type Noticed,
  type Notices,
  type Recipient,
} from '../../admin/mail/notices.ts'

export const publicUrl = 'https://gate.example.com:8443/console'
export const token = 'tOkEn-0192e4d28c3a7'
export const pin = '493817'
export const at = Date.UTC(2027, 0, 15, 12, 30)

/** With characters that mean something in markup, headers and texts. */
export const reader: Recipient & { readonly id: string } = {
  id: '0192e4d2-8c3a-7000-8000-000000000000',
  enabled: true,
  email: 'reader@example.com',
  username: 'rea<d>er&"',
  firstName: '<b>&"',
  lastName: "O'Neil {{link}}",
  language: 'en',
  timeZone: 'Europe/Zagreb',
}

const link = { link: `${publicUrl}/x?a=1&token=${token}#b`, validUntil: at + 3_600_000 }
const happening = { at, source: '2001:db8::7' }

/** Every notice, sent once with all that it can tell. */
export const everyNotice: Readonly<
  Record<
    string,
    (
      notices: Notices,
      user: Recipient & { readonly id: string },
    ) => Promise<Noticed | readonly Noticed[]>
  >
> = {
  'account created': (notices, user) => notices.accountCreated(user, link),
  invite: (notices, user) =>
    notices.invite(user, { ...link, account: 'Acme & <Sons>', invitedBy: '"Ann" <ann@x>' }),
  unlocked: (notices, user) => notices.unlocked(user, link),
  locked: (notices, user) =>
    notices.locked(user, {
      failures: 5,
      at,
      until: at + 900_000,
      sources: ['192.0.2.7', 'unknown'],
      channels: ['http', 'smpp', 'web'],
    }),
  'locked until unlocked': (notices, user) =>
    notices.locked(user, { failures: 1, at, until: null, sources: [], channels: ['web'] }),
  'password changed': (notices, user) => notices.passwordChanged(user, happening),
  'e-mail changed': (notices, user) =>
    Promise.all(
      ['old@example.com', 'new@example.com'].map((address) =>
        notices.emailChanged(user, { ...happening, address, to: 'new@example.com' }),
      ),
    ),
  'e-mail removed': (notices, user) =>
    notices.emailChanged(user, { ...happening, address: 'old@example.com', to: null }),
  'mobile changed': (notices, user) =>
    notices.mobileChanged(user, { ...happening, to: '+385911234567' }),
  'mobile removed': (notices, user) => notices.mobileChanged(user, { ...happening, to: null }),
  'channel changed': (notices, user) =>
    notices.secondFactorChanged(user, { ...happening, change: 'channel', to: 'voice' }),
  'channel and mode changed': (notices, user) =>
    notices.secondFactorChanged(user, {
      ...{ ...happening, change: 'channel', to: 'voice', mode: 'always' },
    }),
  'PIN always': (notices, user) =>
    notices.secondFactorChanged(user, { ...happening, change: 'always' }),
  'PIN on new devices': (notices, user) =>
    notices.secondFactorChanged(user, { ...happening, change: 'remembered' }),
  'authenticator added': (notices, user) =>
    notices.secondFactorChanged(user, {
      ...happening,
      change: 'authenticatorAdded',
      device: '<i>Phone</i>',
    }),
  'authenticator removed': (notices, user) =>
    notices.secondFactorChanged(user, {
      ...happening,
      change: 'authenticatorRemoved',
      device: 'Phone',
    }),
  'device removed': (notices, user) =>
    notices.secondFactorChanged(user, { ...happening, change: 'deviceRemoved', device: 'Firefox' }),
  'recovery codes': (notices, user) =>
    notices.secondFactorChanged(user, { ...happening, change: 'recoveryCodes' }),
  'key expiring': (notices, user) =>
    notices.keyExpiring(user, { name: 'billing <prod>', expiresAt: at + 7 * 86_400_000 }),
  'new device': (notices, user) =>
    notices.newDevice(user, { ...happening, device: 'Firefox <script>alert(1)</script>' }),
  PIN: (notices, user) => notices.pin(user, { pin, minutes: 10 }),
  'e-mail verification': (notices, user) =>
    notices.emailVerification(user, { ...link, email: 'fresh@example.com' }),
  'password reset': (notices, user) =>
    notices.passwordReset(user, { ...link, source: '192.0.2.7' }),
  'deletion requested': (notices, user) =>
    notices.deletionRequested(user, {
      at,
      account: 'Acme & <Sons>',
      requestedBy: 'admin',
      language: user.language,
    }),
}

export const linkGiven = link.link

/** Notices that are collected instead of sent. */
export const collectNotices = (
  settings: { readonly supportEmail?: string } = { supportEmail: 'help@example.com' },
): { readonly notices: Notices; readonly mails: Mail[] } => {
  const mails: Mail[] = []
  const send = async (mail: Mail) => {
    mails.push(mail)
    return 'sent' as const
  }
  return {
    notices: createNotices({ mailer: { send }, publicUrl, now: () => at, ...settings }),
    mails,
  }
}
