import type { Translated } from './plural-keys.ts'

/** What mails say, in English: the other languages have the same keys, and the types hold them to it. */
export const mail = {
  hello: 'Hello {{name}},',
  helloUnnamed: 'Hello,',
  fact: '{{label}}: {{value}}',
  automatic: 'This message was sent automatically by {{site}}. Please do not reply to it.',
  support: 'If you have questions, write to {{support}}.',
  copyLink: 'If the link above does not open, copy this address into your browser:',
  once: 'The link can be used only once.',
  resetPassword: 'Reset password',
  wasYou: 'If this was you, there is nothing you need to do.',
  notYou: 'If this was not you, change your password at once and inform your administrator.',
  unexpected: 'If you did not expect this change, contact your administrator at once.',
  ignore: 'If you did not expect this message, you can ignore it.',
  label: {
    username: 'Username',
    name: 'Name',
    email: 'E-mail address',
    mobile: 'Mobile number',
    account: 'Account',
    invitedBy: 'Invited by',
    requestedBy: 'Requested by',
    time: 'Time',
    validUntil: 'Valid until',
    lockedUntil: 'Locked until',
    expires: 'Expires',
    address: 'IP address',
    device: 'Device',
    channel: 'Channel',
    protocol: 'Protocol',
    apiKey: 'API key',
    userId: 'User ID',
  },
  channel: { email: 'E-mail', sms: 'SMS', voice: 'Voice call', totp: 'Authenticator app' },
  accountCreated: {
    subject: 'Your account has been created',
    body: 'An account has been created for you. Set a password to sign in for the first time.',
    action: 'Set password',
  },
  invite: {
    subject: 'You have been invited',
    body: 'You have been invited to create an account. Accept the invitation and complete your profile.',
    action: 'Accept invitation',
  },
  unlocked: {
    subject: 'Your account has been unlocked',
    body: 'Your account has been unlocked, and you can sign in again.',
    how: 'If you have forgotten your password, you can set a new one:',
  },
  locked: {
    subject: 'Your account has been locked',
    body_one: 'Your account has been locked after {{count}} failed sign-in attempt.',
    body_other: 'Your account has been locked after {{count}} failed sign-in attempts.',
    untilAdmin: 'It stays locked until an administrator unlocks it.',
    hint: 'If these attempts were not yours, somebody may be trying to guess your password. Inform your administrator.',
  },
  passwordChanged: {
    subject: 'Your password has been changed',
    body: 'The password of your account has been changed.',
  },
  emailChanged: {
    subject: 'Your e-mail address has been changed',
    body: 'The e-mail address of your account has been changed.',
    removed: 'The e-mail address of your account has been removed.',
  },
  mobileChanged: {
    subject: 'Your mobile number has been changed',
    body: 'The mobile number of your account has been changed.',
    removed: 'The mobile number of your account has been removed.',
  },
  secondFactor: {
    subject: 'Your two-factor authentication has been changed',
    channel: 'Your PINs now reach you by another channel.',
    always: 'A PIN is now required every time you sign in.',
    remembered: 'A PIN is now required only when you sign in from a new device.',
    authenticatorAdded: 'An authenticator app has been added.',
    authenticatorRemoved: 'An authenticator app has been removed.',
    recoveryCodes: 'New recovery codes have been created. The previous ones no longer work.',
    deviceRemoved: 'A remembered device has been removed.',
  },
  keyExpiring: {
    subject: 'An API key is about to expire',
    body_one: 'An API key expires in {{count}} day.',
    body_other: 'An API key expires in {{count}} days.',
    advice: 'Rotate the key in time so that your applications keep working.',
  },
  newDevice: {
    subject: 'Sign-in from a new device',
    body: 'Somebody has signed in to your account from a new device.',
  },
  pin: {
    subject: 'Your PIN',
    body: 'Enter this PIN to continue:',
    validity_one: 'It is valid for {{count}} minute and can be used only once.',
    validity_other: 'It is valid for {{count}} minutes and can be used only once.',
    secret: 'Never share this PIN. We will never ask you for it.',
  },
  verifyEmail: {
    subject: 'Confirm your e-mail address',
    body: 'Please confirm that this e-mail address is yours.',
    action: 'Confirm e-mail address',
  },
  passwordReset: {
    subject: 'Reset your password',
    body: 'A password reset has been requested for your account.',
    unasked: 'If you did not request it, ignore this message: your password stays unchanged.',
  },
  deletion: {
    subject: 'Account deletion requested',
    body: 'The deletion of this user account has been requested. The user has been marked and waits for your decision.',
  },
} as const

/** The same in any language. */
export type MailTexts = Translated<typeof mail>
