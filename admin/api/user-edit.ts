import { transact } from '../../db/database.ts'
import { setProfile, type Profile } from '../../db/user-profile.ts'
import type { Caller } from '../caller.ts'
import type { ApiDeps } from '../deps.ts'
import { findTouchable, isAccountAdmin } from '../guard.ts'
import type { Faulty, Refused } from '../problems.ts'

export type Edit = {
  readonly caller: Caller
  readonly userId: string
  readonly profile: Profile
  readonly ifMatch: string | undefined
}

/**
 * Edits a profile, one's own or another's. One's own language is for Account admins alone (U6), by
 * whichever path it comes.
 */
export const editProfile = (
  { database }: ApiDeps,
  { caller, userId, profile, ifMatch }: Edit,
): Promise<Refused | Faulty | undefined> =>
  transact(database, async (tx) => {
    const user = await findTouchable(tx, caller, userId, ifMatch)
    if ('refused' in user) return user
    const isOwn = userId === caller.user.id
    const isOtherLanguage = profile.language !== undefined && profile.language !== user.language
    if (isOwn && isOtherLanguage && !(await isAccountAdmin(tx, caller)))
      return { refused: 'beyond-own-rights' }
    const edited = await setProfile(tx, { actor: caller.actor, userId, profile })
    return 'id' in edited ? undefined : edited
  })
