import { findAccount, type Account } from '../../db/accounts.ts'
import { findApiKeyView } from '../../db/api-key-lists.ts'
import { transact, type Database } from '../../db/database.ts'
import { renewInviteLink } from '../../db/invite-links.ts'
import { noticeFacts, type NoticeFacts } from '../../db/notice-facts.ts'
import type { NoticeRow } from '../../db/notices.ts'
import { createPasswordReset, type ResetPurpose } from '../../db/password-resets.ts'
import { createToken, digestToken, type Random } from '../../db/secrets.ts'
import { findUser, findUserOf, type UserRow } from '../../db/user-rows.ts'
import type { Link } from './drafts.ts'
import { inviteLink, passwordLink } from './links.ts'
import type { Noticed, Notices, Recipient } from './notices.ts'

export type TellingDeps = {
  readonly database: Database
  readonly notices: Notices
  readonly publicUrl: string
  readonly random: Random
}

/** Mails what one recorded notice tells; links are made now. May reject. */
export type Tell = (row: Pick<NoticeRow, 'accountId' | 'userId' | 'facts'>) => Promise<Noticed>

type Facts<Kind extends NoticeFacts['kind']> = Extract<NoticeFacts, { readonly kind: Kind }>

type Told = UserRow & Pick<Recipient, 'support'>

export const createTelling = ({ database, notices, publicUrl, random }: TellingDeps): Tell => {
  const createLink = async (user: UserRow, purpose: ResetPurpose): Promise<Link> => {
    const token = createToken(random)
    const digest = digestToken(token)
    const { expiresAt } = await transact(database, (tx) =>
      createPasswordReset(tx, { user, purpose, digest }),
    )
    return { link: passwordLink(publicUrl, token), validUntil: expiresAt }
  }

  const tellInvite = async (account: Account, id: string): Promise<Noticed> => {
    const token = createToken(random)
    const of = { accountId: account.id, id, digest: digestToken(token) }
    const invite = await transact(database, (tx) => renewInviteLink(tx, of))
    if (invite === undefined) return 'nobody'
    const { profile, invitedBy, email } = invite
    const inviter = await findUser(database, invitedBy.id)
    const { firstName = '', lastName = '', language, timeZone } = profile
    const reader = {
      ...{ enabled: true, email, username: '', firstName, lastName },
      language: language ?? inviter?.language ?? 'en',
      timeZone: timeZone ?? inviter?.timeZone ?? 'UTC',
      support: account.settings.supportAddress,
    }
    return notices.invite(reader, {
      link: inviteLink(publicUrl, token),
      validUntil: invite.expiresAt,
      account: account.name,
      invitedBy: invitedBy.username ?? '',
    })
  }

  const tellSupport = async (
    user: Told,
    account: Account,
    { at, actorId, channel }: Facts<'deletion-requested'>,
  ): Promise<Noticed> => {
    if (user.deletionRequestedAt === null) return 'nobody'
    const actor = actorId === null ? undefined : await findUser(database, actorId)
    const requestedBy = actor?.username ?? channel
    return notices.deletionRequested(user, { at, account: account.name, requestedBy })
  }

  /** The key as it is now: it may have been given more time, or be gone. */
  const tellOfKey = async (
    user: Told,
    { keyId, expiresAt }: Facts<'key-expiring'>,
  ): Promise<Noticed> => {
    const key = await findApiKeyView(database, user.accountId, keyId)
    const isStillSo = key?.enabled === true && key.expiresAt === expiresAt
    if (!isStillSo || expiresAt <= database.now()) return 'nobody'
    return notices.keyExpiring(user, { name: key.name, expiresAt })
  }

  const tellTwoFactor = async (
    user: Told,
    { channel, mode, ...happening }: Facts<'two-factor-changed'>,
  ): Promise<Noticed> => {
    if (channel !== undefined)
      return notices.secondFactorChanged(user, {
        ...{ ...happening, change: 'channel', to: channel },
        ...(mode === undefined ? {} : { mode }),
      })
    return mode === undefined
      ? 'nobody'
      : notices.secondFactorChanged(user, { ...happening, change: mode })
  }

  const tellUser = async (
    user: Told,
    facts: Exclude<NoticeFacts, Facts<'invite' | 'deletion-requested'>>,
  ): Promise<Noticed> => {
    switch (facts.kind) {
      case 'account-created':
        if (user.passwordHash !== null) return 'nobody'
        return notices.accountCreated(user, await createLink(user, 'created'))
      case 'unlocked':
        return notices.unlocked(user, await createLink(user, 'reset'))
      case 'locked':
        return notices.locked(user, facts)
      case 'password-changed':
        return notices.passwordChanged(user, facts)
      case 'email-changed':
        return notices.emailChanged(user, facts)
      case 'mobile-changed':
        return notices.mobileChanged(user, facts)
      case 'two-factor-changed':
        return tellTwoFactor(user, facts)
      case 'authenticator-removed':
        return notices.secondFactorChanged(user, { ...facts, change: 'authenticatorRemoved' })
      case 'device-removed':
        return notices.secondFactorChanged(user, { ...facts, change: 'deviceRemoved' })
      case 'key-expiring':
        return tellOfKey(user, facts)
    }
  }

  return async (row) => {
    const facts = noticeFacts.parse(row.facts)
    const account = await findAccount(database, row.accountId)
    if (account === undefined) return 'nobody'
    if (facts.kind === 'invite') return tellInvite(account, facts.inviteId)
    const user =
      row.userId === null ? undefined : await findUserOf(database, account.id, row.userId)
    if (user === undefined) return 'nobody'
    const told = { ...user, support: account.settings.supportAddress }
    if (facts.kind === 'deletion-requested') return tellSupport(told, account, facts)
    const isReachable = user.enabled && (user.email !== null || facts.kind === 'email-changed')
    return isReachable ? tellUser(told, facts) : 'nobody'
  }
}
