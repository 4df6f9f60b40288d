import { and, eq, ne } from 'drizzle-orm'
import type { Fault } from '../policies/faults.ts'
import { foldEmail, parseEmail, parseMobileNumber } from '../policies/names.ts'
import type { Reader, Transaction } from './database.ts'
import { dropPasswordResets } from './password-resets.ts'
import type { Actor } from './record.ts'
import { users } from './schema/users.ts'
import { changeUser } from './user-changes.ts'
import { findUser, type UserRow } from './user-rows.ts'

/** What of a user may be edited; what is absent stays as it is. */
export type Profile = {
  readonly email?: string | undefined
  readonly firstName?: string | undefined
  readonly lastName?: string | undefined
  readonly language?: string | undefined
  readonly timeZone?: string | undefined
  readonly mobileNumber?: string | null | undefined
}

/** First and last name as lists sort and search them. */
export const nameKeyOf = (firstName: string, lastName: string): string =>
  `${firstName} ${lastName}`.trim().toLowerCase()

/** What is wrong with an e-mail address, read here whoever forgot to look. */
export const emailFaults = (email: string | undefined): readonly Fault[] =>
  email === undefined || parseEmail(email) !== undefined
    ? []
    : [{ path: 'email', message: 'takes one e-mail address' }]

/** What is wrong with a mobile number; null: none. */
export const mobileFaults = (number: string | null | undefined): readonly Fault[] =>
  (number ?? null) === null || parseMobileNumber(number ?? '') !== undefined
    ? []
    : [
        {
          path: 'mobileNumber',
          message: 'takes a number with its country code, such as +41793026727',
        },
      ]

/** Whether another user of the account has this address, in any spelling. */
export const isEmailTaken = async (
  reader: Reader,
  { accountId, email, exceptFor }: { accountId: string; email: string; exceptFor?: string },
): Promise<boolean> => {
  const same = and(eq(users.accountId, accountId), eq(users.emailKey, foldEmail(email)))
  const other = exceptFor === undefined ? same : and(same, ne(users.id, exceptFor))
  return (await reader.queries.select({ id: users.id }).from(users).where(other)).length > 0
}

/** A contact that is another one is not verified any more. */
const contactsOf = (user: UserRow, { email, mobileNumber }: Profile): Partial<UserRow> => ({
  ...(email === undefined || email === user.email
    ? {}
    : { email, emailKey: foldEmail(email), emailVerified: false }),
  ...(mobileNumber === undefined || mobileNumber === user.mobileNumber
    ? {}
    : { mobileNumber, mobileVerified: false }),
})

const setOf = (user: UserRow, profile: Profile): Partial<UserRow> => {
  const { firstName = user.firstName, lastName = user.lastName } = profile
  const { language = user.language, timeZone = user.timeZone } = profile
  return {
    firstName,
    lastName,
    nameKey: nameKeyOf(firstName, lastName),
    language,
    timeZone,
    ...contactsOf(user, profile),
  }
}

/** Edits a profile (U3); nothing is written where nothing changes. */
export const setProfile = async (
  tx: Transaction,
  {
    actor,
    userId,
    profile,
  }: { readonly actor: Actor; readonly userId: string; readonly profile: Profile },
): Promise<
  | UserRow
  | { readonly refused: 'user-unknown' | 'email-taken' }
  | { readonly faults: readonly Fault[] }
> => {
  const user = await findUser(tx, userId)
  if (user === undefined) return { refused: 'user-unknown' }
  const { email } = profile
  const faults = [...emailFaults(email), ...mobileFaults(profile.mobileNumber)]
  if (faults.length > 0) return { faults }
  const { accountId } = user
  if (email !== undefined && (await isEmailTaken(tx, { accountId, email, exceptFor: userId })))
    return { refused: 'email-taken' }
  const set = setOf(user, profile)
  const isSame = Object.entries(set).every(([name, value]) => user[name as keyof UserRow] === value)
  if (isSame) return user
  // A link that lies in the mailbox before is of no use any more.
  if ('email' in set) await dropPasswordResets(tx, userId)
  return changeUser(tx, { actor, user, kind: 'profile', action: 'user.profile-changed', set })
}
