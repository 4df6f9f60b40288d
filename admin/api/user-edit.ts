import { transact, type Transaction } from '../../db/database.ts'
import { setProfile, type Profile } from '../../db/user-profile.ts'
import type { UserRow } from '../../db/user-rows.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { findTouchable, isAccountAdmin, isIdentityByKey, isOwnAffair } from '../guard.ts'
import type { Faulty, Refused } from '../problems.ts'

export type Edit = {
  readonly caller: Caller
  readonly userId: string
  readonly profile: Profile
  readonly ifMatch: string | undefined
}

const isOther = <T>(to: T | undefined, from: T): boolean => to !== undefined && to !== from

/**
 * What of one's own profile is not for everybody: the language is for Account admins alone (U6), the
 * contacts are not for a key, and nothing is for one that was narrowed.
 */
const mayEditOwn = async (
  tx: Transaction,
  { caller, profile: { language, email, mobileNumber } }: Edit,
  user: UserRow,
): Promise<boolean> => {
  if (!isOwnAffair(caller, user.id)) return false
  const isContact = isOther(email, user.email) || isOther(mobileNumber, user.mobileNumber)
  if (isContact && isIdentityByKey(caller, user.id)) return false
  return !isOther(language, user.language) || isAccountAdmin(tx, caller)
}

/** Edits a profile, one's own or another's, by whichever path it comes. */
export const editProfile = (
  { database }: ApiDeps,
  edit: Edit,
): Promise<Refused | Faulty | undefined> =>
  transact(database, async (tx) => {
    const { caller, userId, profile, ifMatch } = edit
    const user = await findTouchable(tx, caller, userId, ifMatch)
    if ('refused' in user) return user
    if (userId === caller.user.id && !(await mayEditOwn(tx, edit, user)))
      return { refused: 'beyond-own-rights' }
    const edited = await setProfile(tx, { actor: caller.actor, userId, profile })
    return 'id' in edited ? undefined : edited
  })
