import { noticeFacts, type NoticeFacts } from './notice-facts.ts'
import type { UserRow } from './user-rows.ts'

/** What was recorded, as far as notices look at it. */
export type Happened = {
  readonly action: string
  readonly channel: string
  readonly at: number
  readonly actorId?: string | null | undefined
  readonly userId?: string | null | undefined
  readonly source?: string | null | undefined
  readonly before?: unknown
  readonly after?: unknown
}

/** What is to be told of it; `user` is as the change left them. */
type Rule = (event: Happened, user: UserRow | undefined) => readonly unknown[]

type Fields = Readonly<Record<string, unknown>>

const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? (value as Fields) : {}

/** Of an admin's address a user is told nothing. */
const happening = ({ at, source, actorId, userId }: Happened) => ({
  at,
  source: actorId === userId ? (source ?? null) : null,
})

const told =
  (kind: NoticeFacts['kind']): Rule =>
  (event) => [{ kind, ...happening(event) }]

/** Who has no password yet is told how to set one. */
const created: Rule = (_, user) =>
  user?.passwordHash === null ? [{ kind: 'account-created' }] : []

/** Whether a written lock was in force at this moment. */
const isInForce = (lock: unknown, at: number): boolean => {
  const { until } = fieldsOf(lock)
  return until === null || (typeof until === 'number' && until > at)
}

/** Once for each lock: one that is only prolonged was told of before. */
const locked: Rule = ({ at, before, after }) => {
  const { since } = fieldsOf(after)
  if (isInForce(before, at)) return []
  return [{ ...fieldsOf(after), kind: 'locked', at: since }]
}

/** Of what somebody else did; who unlocked by a success or a new password of their own knows it. */
const unlocked: Rule = ({ at, channel, actorId, userId, before }) => {
  const isOwn = channel === 'system' || actorId === userId
  const locks: readonly unknown[] = Array.isArray(before) ? before : []
  return !isOwn && locks.some((lock) => isInForce(lock, at)) ? [{ kind: 'unlocked' }] : []
}

/**
 * To the address before and to the new one; to this one with a link if there is no password yet, and
 * if it was not the user who gave it: then nobody else knows whose it is.
 */
const emailChanged = (event: Happened, user: UserRow | undefined): readonly unknown[] => {
  const [from, to] = [fieldsOf(event.before)['email'], fieldsOf(event.after)['email']]
  const changed = { kind: 'email-changed', ...happening(event), to }
  const toBoth = [from, to].filter((address) => address !== null && address !== undefined)
  const isVouchedFor = event.actorId !== event.userId && to !== null
  return user?.passwordHash === null && isVouchedFor
    ? [...(toBoth.length > 1 ? [{ ...changed, address: from }] : []), { kind: 'account-created' }]
    : toBoth.map((address) => ({ ...changed, address }))
}

const profileChanged: Rule = (event, user) => {
  const after = fieldsOf(event.after)
  return [
    ...('email' in after ? emailChanged(event, user) : []),
    ...('mobileNumber' in after
      ? [{ kind: 'mobile-changed', ...happening(event), to: after['mobileNumber'] }]
      : []),
  ]
}

const twoFactorChanged: Rule = (event) => {
  const { twoFactorChannel: channel, twoFactorMode: mode } = fieldsOf(event.after)
  return [{ kind: 'two-factor-changed', ...happening(event), channel, mode }]
}

const removed =
  (kind: 'authenticator-removed' | 'device-removed'): Rule =>
  (event) => [{ kind, ...happening(event), device: fieldsOf(event.before)['name'] }]

const deletionRequested: Rule = ({ at, actorId, channel }) => [
  { kind: 'deletion-requested', at, actorId: actorId ?? null, channel },
]

const invited: Rule = ({ after }) => [{ kind: 'invite', inviteId: fieldsOf(after)['id'] }]

/** By the action in the audit: what is recorded is told, whichever door it came through. */
const rules: ReadonlyMap<string, Rule> = new Map(
  Object.entries({
    'user.created': created,
    // Nothing is told to who is disabled, so it is told now.
    'user.enabled': created,
    'user.locked': locked,
    'user.unlocked': unlocked,
    'user.password-changed': told('password-changed'),
    'user.smpp-password-changed': told('password-changed'),
    'user.profile-changed': profileChanged,
    'user.two-factor-changed': twoFactorChanged,
    'authenticator.removed': removed('authenticator-removed'),
    'device.removed': removed('device-removed'),
    'user.deletion-requested': deletionRequested,
    'invite.created': invited,
    'invite.resent': invited,
  }),
)

/** Whether anything may be told of an action. */
export const isTold = (action: string): boolean => rules.has(action)

/** Disabled users are told nothing (U4), and who has no address cannot be; Support can. */
const isReachable = ({ kind }: NoticeFacts, user: UserRow | undefined): boolean => {
  if (kind === 'invite' || kind === 'deletion-requested') return true
  return user?.enabled === true && (user.email !== null || kind === 'email-changed')
}

/** The notices of an event. What does not read as we write it is passed over: no mail is worth a change. */
export const noticesOf = (event: Happened, user: UserRow | undefined): readonly NoticeFacts[] =>
  (rules.get(event.action)?.(event, user) ?? []).flatMap((wanted) => {
    const { data } = noticeFacts.safeParse(wanted)
    return data !== undefined && isReachable(data, user) ? [data] : []
  })
